// Thumbnails in rows, or in one strip: a click chooses one, and is told even where it chooses the same again.
function render({ model, el }) {
  const list = document.createElement("div");
  list.className = model.get("strip") ? "st-gallery st-strip" : "st-gallery";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", model.get("label"));
  el.append(list);

  function mark() {
    for (const button of list.children) {
      const chosen = button.dataset.key === model.get("value");
      button.setAttribute("aria-selected", String(chosen));
      if (chosen) show(button);
    }
  }

  // Not scrollIntoView, which would move the whole page.
  function show(button) {
    const [inner, outer] = [button, list].map((element) => element.getBoundingClientRect());
    if (inner.top < outer.top || inner.bottom > outer.bottom) list.scrollTop += inner.top - outer.top;
    if (inner.left < outer.left || inner.right > outer.right) list.scrollLeft += inner.left - outer.left;
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

  function fill() {
    list.replaceChildren(...model.get("items").map(tile));
    mark();
  }

  model.on("change:items", fill);
  model.on("change:value", mark);
  fill();
  // It has no size before it is on the page.
  const placed = new ResizeObserver(() => {
    if (list.clientHeight === 0) return;
    placed.disconnect();
    mark();
  });
  placed.observe(list);
  return () => placed.disconnect();
}
export default { render };
