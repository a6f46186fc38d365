// Two pictures one over the other, and a slider that wipes from the one to the other.
function render({ model, el }) {
  const frame = document.createElement("div");
  frame.className = "st-wipe";
  const pictures = ["left", "right"].map((side) => {
    const picture = document.createElement("img");
    picture.className = `st-wipe-${side}`;
    frame.append(picture);
    return picture;
  });
  const edge = document.createElement("div");
  edge.className = "st-wipe-edge";
  frame.append(edge);
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: 0, max: 1000, value: 0 });
  slider.setAttribute("aria-label", "wipe between the two pictures");
  const names = document.createElement("div");
  names.className = "st-wipe-names";
  const left = document.createElement("span");
  const right = document.createElement("span");
  names.append(left, right);
  el.append(frame, slider, names);
  const addresses = [null, null];

  function show(i, side) {
    if (addresses[i]) URL.revokeObjectURL(addresses[i]);
    addresses[i] = URL.createObjectURL(new Blob([model.get(side)], { type: "image/jpeg" }));
    pictures[i].src = addresses[i];
  }

  function name() {
    left.textContent = model.get("left_name");
    right.textContent = model.get("right_name");
    pictures[0].alt = model.get("left_name");
    pictures[1].alt = model.get("right_name");
  }

  function wipe() {
    const share = slider.value / 10;
    pictures[0].style.clipPath = `inset(0 ${100 - share}% 0 0)`;
    edge.style.left = `${share}%`;
    edge.hidden = share === 0;
  }

  slider.addEventListener("input", wipe);
  frame.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    const area = frame.getBoundingClientRect();
    slider.value = (1000 * (event.clientX - area.left)) / area.width;
    wipe();
  });
  model.on("change:left", () => show(0, "left"));
  model.on("change:right", () => show(1, "right"));
  model.on("change:left_name change:right_name", name);
  show(0, "left");
  show(1, "right");
  name();
  wipe();
  return () => addresses.forEach((address) => URL.revokeObjectURL(address));
}
export default { render };
