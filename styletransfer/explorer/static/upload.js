// A file goes to Python in pieces: one message of a whole photograph would be above what a Jupyter server takes.
const PIECE = 512 * 1024;

function render({ model, el }) {
  const label = document.createElement("label");
  label.className = "jupyter-button st-upload";
  label.textContent = model.get("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "file", accept: "image/*" });
  label.append(input);
  el.append(label);

  input.addEventListener("change", async () => {
    const file = input.files[0];
    input.value = "";
    if (!file) return;
    const most = model.get("most");
    model.send({ begin: file.name, size: file.size });
    if (file.size > most) return; // Python says why
    for (let start = 0; start < file.size; start += PIECE) {
      const piece = await file.slice(start, start + PIECE).arrayBuffer();
      model.send({ piece: start / PIECE }, undefined, [piece]);
    }
    model.send({ end: file.name });
  });
}
export default { render };
