// Small behaviours of every page. Each page works without them.

import "bootstrap/js/src/collapse.js";
import "./menus.js";

const root = document.documentElement;

function showTheme() {
  const dark = root.dataset.bsTheme === "dark";
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.setAttribute("aria-pressed", String(dark));
    button.hidden = false;
  }
}

function toggleTheme() {
  root.dataset.bsTheme = root.dataset.bsTheme === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.bsTheme);
  } catch {
    // Storage may be refused; the choice then lasts for this page.
  }
}

// The text to copy is the attribute's, or that of the element it points at with "#id".
function textOf(button) {
  const what = button.dataset.copy;
  if (!what.startsWith("#")) return what;
  const source = document.querySelector(what);
  return source ? (source.value ?? source.textContent).trim() : "";
}

async function copy(button) {
  const before = button.dataset.label ?? button.textContent;
  button.dataset.label = before;
  try {
    await navigator.clipboard.writeText(textOf(button));
    button.textContent = "Copied";
  } catch {
    button.textContent = "Could not copy: select the text";
  }
  setTimeout(() => {
    button.textContent = before;
  }, 2500);
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (!target) return;
  if (target.closest("[data-theme-toggle]")) toggleTheme();
  const copied = target.closest("[data-copy]");
  if (copied) copy(copied);
});

// A form sends once: a second press of its button is not a second request.
document.addEventListener("submit", (event) => {
  const form = event.target;
  // By attribute: a field named "method" would hide the property.
  if (form.getAttribute("method")?.toLowerCase() !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 5000);
});

window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// On a narrow screen the list comes first; filters in use stay in sight.
function foldFilters() {
  if (location.search || !window.matchMedia("(max-width: 575.98px)").matches) return;
  for (const box of document.querySelectorAll(".filter-box")) box.open = false;
}

function start() {
  new MutationObserver(showTheme).observe(root, { attributeFilter: ["data-bs-theme"] });
  showTheme();
  foldFilters();
  document.querySelector(".error-summary")?.focus();
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
