// Thumbnails in rows, under the names of their groups where they have any, or in one strip: a click
// chooses one, and is told even where it chooses the same again.
function render({ model, el }) {
  const list = document.createElement("div");
  list.className = model.get("strip") ? "st-gallery st-strip" : "st-gallery";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", model.get("label"));
  el.append(list);

  function mark() {
    for (const button of list.querySelectorAll("button")) {
      const chosen = button.dataset.key === model.get("value");
      button.setAttribute("aria-selected", String(chosen));
      if (chosen) show(button);
    }
  }

  // Not scrollIntoView, which would move the whole page.
  function show(button) {
    const [inner, outer] = [button, list].map((element) => element.getBoundingClientRect());
    const top = named(button) ? button.parentElement.getBoundingClientRect().top : inner.top;
    if (top < outer.top || inner.bottom > outer.bottom) list.scrollTop += top - outer.top;
    if (inner.left < outer.left || inner.right > outer.right) list.scrollLeft += inner.left - outer.left;
  }

  // Whether it is in the first row of a group: the name right above it is to be seen, too.
  function named(button) {
    const group = button.parentElement;
    return group !== list && button.offsetTop === group.querySelector("button").offsetTop;
  }

  function tile(item) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.key = item.key;
    button.title = item.about;
    button.setAttribute("role", "option");
    const picture = document.createElement("img");
    picture.src = item.picture;
    picture.alt = item.label;
    const label = document.createElement("span");
    label.textContent = item.label;
    button.append(picture, label);
    button.addEventListener("click", () => {
      model.set("value", item.key);
      model.save_changes();
      model.send({ clicked: item.key });
    });
    return button;
  }

  function section(name) {
    const group = document.createElement("div");
    group.className = "st-group";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", name);
    const heading = document.createElement("div");
    heading.className = "st-group-name";
    heading.textContent = name;
    heading.setAttribute("aria-hidden", "true"); // or it would be read twice
    group.append(heading);
    return group;
  }

  function fill() {
    list.replaceChildren();
    let group = null;
    for (const item of model.get("items")) {
      if (item.group !== (group?.getAttribute("aria-label") ?? "")) {
        group = item.group ? section(item.group) : null;
        if (group) list.append(group);
      }
      (group ?? list).append(tile(item));
    }
    mark();
  }

  model.on("change:items", fill);
  model.on("change:value", mark);
  fill();
  // It has no size before it is on the page, and another one once that is laid out.
  const placed = new ResizeObserver(mark);
  placed.observe(list);
  return () => placed.disconnect();
}
export default { render };
