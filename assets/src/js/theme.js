// Sets the theme before the first paint: the person's stored choice, else the system's.
// Loaded in <head> without defer, so it stays this small.

const KEY = "theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");

function stored() {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null;
  }
}

function apply() {
  document.documentElement.dataset.bsTheme = stored() ?? (system.matches ? "dark" : "light");
}

apply();
system.addEventListener("change", apply);
