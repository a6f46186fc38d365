// Text that one wants elsewhere, and a button that copies it.
function render({ model, el }) {
  const text = document.createElement("pre");
  text.className = "st-code";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "jupyter-button";
  button.textContent = "Copy";
  const fill = () => {
    text.textContent = model.get("text");
  };
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      // Without the right to the clipboard: select it, so that Ctrl-C takes it.
      getSelection().selectAllChildren(text);
      button.textContent = "Press Ctrl-C";
    }
    setTimeout(() => {
      button.textContent = "Copy";
    }, 2000);
  });
  model.on("change:text", fill);
  fill();
  el.append(text, button);
}
export default { render };
