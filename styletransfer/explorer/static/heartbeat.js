// Python counts while it lives. Where the counting stops, the page says so.
const PATIENCE = 15000; // milliseconds

function render({ model, el }) {
  const banner = document.createElement("div");
  banner.className = "st-banner";
  banner.setAttribute("role", "alert");
  banner.hidden = true;
  banner.textContent = model.get("lost");
  el.append(banner);
  let last = Date.now();

  function lives() {
    last = Date.now();
    banner.hidden = true;
  }

  model.on("change:beat", lives);
  const watch = setInterval(() => {
    // A page that was asleep has missed the beats; it gets another while.
    if (document.hidden) last = Date.now();
    else if (Date.now() - last > PATIENCE) banner.hidden = false;
  }, 1000);
  return () => clearInterval(watch);
}
export default { render };
