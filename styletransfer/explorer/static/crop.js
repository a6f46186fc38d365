// A rectangle dragged over a picture; its corners go to Python as shares of width and height.
function render({ model, el }) {
  const frame = document.createElement("div");
  frame.className = "st-crop";
  const picture = document.createElement("img");
  picture.draggable = false;
  picture.alt = "the painting; drag over it to use a part of it";
  const box = document.createElement("div");
  box.className = "st-crop-box";
  frame.append(picture, box);
  el.append(frame);
  let address = null;
  let begun = null;

  function show() {
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(new Blob([model.get("picture")], { type: "image/jpeg" }));
    picture.src = address;
  }

  function draw(corners) {
    box.hidden = corners.length !== 4;
    if (box.hidden) return;
    const [left, top, right, bottom] = corners.map((x) => 100 * x);
    Object.assign(box.style, {
      left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%`,
    });
  }

  function place(event) {
    const area = picture.getBoundingClientRect();
    const inside = (x) => Math.min(1, Math.max(0, x));
    return [inside((event.clientX - area.left) / area.width), inside((event.clientY - area.top) / area.height)];
  }

  function corners(event) {
    const now = place(event);
    return [
      Math.min(begun[0], now[0]), Math.min(begun[1], now[1]),
      Math.max(begun[0], now[0]), Math.max(begun[1], now[1]),
    ];
  }

  frame.addEventListener("pointerdown", (event) => {
    begun = place(event);
    frame.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  frame.addEventListener("pointermove", (event) => {
    if (begun) draw(corners(event));
  });
  frame.addEventListener("pointerup", (event) => {
    if (!begun) return;
    const found = corners(event);
    begun = null;
    // A click without a drag takes the whole picture again.
    const dragged = found[2] - found[0] > 0.02 && found[3] - found[1] > 0.02;
    model.set("corners", dragged ? found : []);
    model.save_changes();
    draw(model.get("corners"));
  });
  model.on("change:picture", show);
  model.on("change:corners", () => draw(model.get("corners")));
  show();
  draw(model.get("corners"));
  return () => URL.revokeObjectURL(address);
}
export default { render };
