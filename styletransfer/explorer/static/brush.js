// A photograph that is painted on with brushes; the strokes go to Python as shares of its sides.
function render({ model, el }) {
  const bar = document.createElement("div");
  bar.className = "st-brushes";
  bar.setAttribute("role", "radiogroup");
  bar.setAttribute("aria-label", "brush");
  const frame = document.createElement("div");
  frame.className = "st-brush";
  const picture = document.createElement("img");
  picture.alt = "the photograph; paint over a part of it with each brush";
  const regions = document.createElement("img");
  regions.className = "st-brush-regions";
  regions.alt = "";
  const canvas = document.createElement("canvas");
  frame.append(picture, regions, canvas);
  el.append(bar, frame);
  const addresses = { picture: null, regions: null };
  let brush = 0;
  let stroke = null;

  const buttons = model.get("colours").map((colour, i) => {
    const button = document.createElement("button");
    button.setAttribute("role", "radio");
    const swatch = document.createElement("span");
    swatch.style.background = colour;
    button.append(swatch, model.get("names")[i]);
    button.addEventListener("click", () => choose(i));
    bar.append(button);
    return button;
  });
  const clear = document.createElement("button");
  clear.textContent = "Clear";
  clear.addEventListener("click", () => send([]));
  bar.append(clear);

  function choose(i) {
    brush = i;
    buttons.forEach((button, j) => button.setAttribute("aria-checked", i === j));
  }

  function send(strokes) {
    model.set("strokes", strokes);
    model.save_changes();
    draw();
  }

  function show(name, image, type) {
    if (addresses[name]) URL.revokeObjectURL(addresses[name]);
    addresses[name] = null;
    const data = model.get(name);
    image.hidden = !data.byteLength;
    if (image.hidden) return;
    addresses[name] = URL.createObjectURL(new Blob([data], { type }));
    image.src = addresses[name];
  }

  function draw() {
    canvas.width = picture.naturalWidth;
    canvas.height = picture.naturalHeight;
    const pen = canvas.getContext("2d");
    Object.assign(pen, { lineCap: "round", lineJoin: "round", lineWidth: model.get("width") * canvas.width });
    for (const { brush, points } of stroke ? [...model.get("strokes"), stroke] : model.get("strokes")) {
      pen.strokeStyle = model.get("colours")[brush];
      pen.beginPath();
      const [first, ...others] = points.map(([x, y]) => [x * canvas.width, y * canvas.height]);
      pen.moveTo(...first);
      for (const point of others.length ? others : [first]) pen.lineTo(...point);
      pen.stroke();
    }
  }

  function place(event) {
    const area = canvas.getBoundingClientRect();
    const inside = (x) => Math.round(1e4 * Math.min(1, Math.max(0, x))) / 1e4;
    return [inside((event.clientX - area.left) / area.width), inside((event.clientY - area.top) / area.height)];
  }

  canvas.addEventListener("pointerdown", (event) => {
    stroke = { brush, points: [place(event)] };
    canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
    draw();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke) return;
    const point = place(event);
    const last = stroke.points[stroke.points.length - 1];
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) < 0.004) return;
    stroke.points.push(point);
    draw();
  });
  canvas.addEventListener("pointerup", () => {
    if (!stroke) return;
    const strokes = [...model.get("strokes"), stroke];
    stroke = null;
    send(strokes);
  });
  canvas.addEventListener("pointercancel", () => {
    stroke = null;
    draw();
  });
  picture.addEventListener("load", draw);
  model.on("change:picture", () => show("picture", picture, "image/jpeg"));
  model.on("change:regions", () => show("regions", regions, "image/png"));
  model.on("change:strokes", draw);
  choose(0);
  show("picture", picture, "image/jpeg");
  show("regions", regions, "image/png");
  return () => Object.values(addresses).forEach((address) => URL.revokeObjectURL(address));
}
export default { render };
