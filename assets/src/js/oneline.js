// A one-line diagram: its half-hour, its size and its labels; and pages that wait for a worker.
//
// The server says how each mark stands and from which zoom its label has room; here classes, texts
// and sizes are set. Without this script the form beside the diagram loads the page again.

const STEP = 1.25;
const LEAST = 0.2;
const MOST = 6;
const TEXT_PX = 11; // on the screen, at any zoom
const FIRST = { least: 0.55, most: 1.4 };
const PAPER = { width: 680, height: 730 }; // of an upright A4 page, beside heading and key
const WORST = [".binds", ".over, .high, .low, .none", ".near", ".mark"];
const AHEAD = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

function start(box) {
  const svg = box.querySelector(".oneline-drawing");
  const view = box.querySelector(".oneline-window");
  const form = box.querySelector("form");
  const slider = box.querySelector("[data-slider]");
  const chosen = form.querySelector('select[name="at"]');
  const natural = { width: Number(svg.getAttribute("width")), height: Number(svg.getAttribute("height")) };
  let scale = 1;

  box.querySelectorAll(".for-script").forEach((each) => each.removeAttribute("hidden"));
  if (slider) box.querySelector(".without-script").hidden = true;
  box.querySelector("[data-submit]").hidden = true;

  function zoomTo(wanted) {
    const was = scale;
    scale = Math.min(MOST, Math.max(LEAST, wanted));
    const middle = [view.scrollLeft + view.clientWidth / 2, view.scrollTop + view.clientHeight / 2];
    svg.setAttribute("width", String(natural.width * scale));
    svg.setAttribute("height", String(natural.height * scale));
    svg.setAttribute("font-size", String(TEXT_PX / scale));
    svg.querySelectorAll("[data-least]").forEach((label) => fits(label, scale));
    view.scrollLeft = (middle[0] * scale) / was - view.clientWidth / 2;
    view.scrollTop = (middle[1] * scale) / was - view.clientHeight / 2;
  }
  const whole = (room) => Math.min(room.width / natural.width, room.height / natural.height);
  const fit = () => zoomTo(Math.min(FIRST.most, whole({ width: view.clientWidth - 4, height: view.clientHeight || 500 })));
  const zooms = { in: () => zoomTo(scale * STEP), out: () => zoomTo(scale / STEP), fit };

  box.querySelectorAll("[data-zoom]").forEach((button) => {
    button.addEventListener("click", () => zooms[button.dataset.zoom]());
  });
  view.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const zoom = zooms[{ "+": "in", "=": "in", "-": "out", 0: "fit" }[event.key]];
    const next = zoom ? null : neighbour(svg, document.activeElement, event.key);
    if (!zoom && !next) return;
    event.preventDefault();
    if (zoom) zoom();
    else next.focus();
  });
  marks(box, svg);
  form.querySelector("[data-part]")?.addEventListener("change", () => form.requestSubmit());
  const isList = svg.querySelector(".stems") !== null;
  if (isList) zoomTo(1);
  else zoomTo(Math.max(FIRST.least, Math.min(FIRST.most, whole({ width: view.clientWidth - 4, height: view.clientHeight }))));
  if (!isList) toWorst(view, svg);
  let shown = scale;
  window.addEventListener("beforeprint", () => {
    shown = scale;
    zoomTo(Math.min(1, whole(PAPER)));
  });
  window.addEventListener("afterprint", () => zoomTo(shown));
  if (!slider) return;

  const kept = new Map();
  let busy = false;

  function address() {
    const query = new URLSearchParams({ at: slider.value, case: form.elements.case.value });
    if (form.elements.feeder) query.set("feeder", form.elements.feeder.value);
    return `${box.dataset.oneline}?${query}`;
  }

  async function found(from) {
    if (!kept.has(from)) {
      const answer = await fetch(from, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(`${answer.status}`);
      kept.set(from, await answer.json());
    }
    return kept.get(from);
  }

  // One request at a time: what the slider passed over meanwhile is left out.
  async function show() {
    if (busy) return;
    busy = true;
    let from = "";
    try {
      while (from !== address()) {
        from = address();
        apply(box, await found(from), scale);
      }
    } catch {
      box.querySelector("[data-moment]").textContent = "The values did not arrive. Move the slider to try again";
    } finally {
      busy = false;
    }
  }

  slider.addEventListener("input", () => {
    chosen.value = slider.value;
    slider.setAttribute("aria-valuetext", chosen.selectedOptions[0].textContent);
    show();
  });
  slider.setAttribute("aria-valuetext", chosen.selectedOptions[0].textContent);
  form.querySelector("[data-pick]").addEventListener("change", show);
}

function fits(label, scale) {
  const least = Number(label.dataset.least);
  label.setAttribute("display", least && least <= scale * 1.001 ? "inline" : "none");
}

const worst = (svg) => WORST.map((each) => svg.querySelector(each)).find(Boolean);

function toWorst(view, svg) {
  const mark = worst(svg);
  if (!mark) return;
  const at = mark.getBoundingClientRect();
  const within = view.getBoundingClientRect();
  view.scrollLeft += at.left - within.left - view.clientWidth / 2;
  view.scrollTop += at.top - within.top - view.clientHeight / 2;
}

// Each mark can be pointed at or focused, one at a time in the order of tabs; its values are said.
function marks(box, svg) {
  const said = box.querySelector("[data-said]");
  const say = (event) => {
    const mark = event.target.closest(".mark");
    if (mark) said.textContent = mark.querySelector("title").textContent;
  };
  svg.setAttribute("role", "group");
  svg.querySelectorAll(".mark").forEach((mark) => {
    mark.setAttribute("tabindex", "-1");
    mark.setAttribute("role", "img");
  });
  worst(svg)?.setAttribute("tabindex", "0");
  svg.addEventListener("focusin", (event) => {
    svg.querySelectorAll('.mark[tabindex="0"]').forEach((mark) => mark.setAttribute("tabindex", "-1"));
    event.target.closest(".mark")?.setAttribute("tabindex", "0");
    say(event);
  });
  svg.addEventListener("pointerover", say);
}

// The nearest mark in the direction of an arrow key; from none, what is worst.
function neighbour(svg, from, key) {
  if (!AHEAD[key]) return null;
  if (!from.matches(".mark")) return worst(svg);
  const [dx, dy] = AHEAD[key];
  const middle = (mark) => {
    const bus = mark.querySelector("use");
    if (bus) return [Number(bus.getAttribute("x")) + 12, Number(bus.getAttribute("y")) + 12];
    const wire = mark.querySelector(".wire");
    const at = wire.getPointAtLength(Math.max(0, wire.getTotalLength() - 14));
    return [at.x, at.y];
  };
  const [x, y] = middle(from);
  let best = null;
  let least = Infinity;
  svg.querySelectorAll(".mark").forEach((mark) => {
    const [right, down] = [middle(mark)[0] - x, middle(mark)[1] - y];
    const ahead = right * dx + down * dy;
    const far = ahead + 3 * Math.abs(right * dy + down * dx);
    if (mark !== from && ahead > 1 && far < least) [best, least] = [mark, far];
  });
  return best;
}

function apply(box, found, scale) {
  box.querySelector("[data-moment]").textContent = found.moment;
  box.querySelector("[data-case]").textContent = found.case;
  const labels = new Map([...box.querySelectorAll("[data-of]")].map((label) => [label.dataset.of, label]));
  for (const [id, [standing, words, text, x, y, dy, anchor, least]] of Object.entries(found.marks)) {
    const mark = box.querySelector(`#${id}`);
    if (!mark) continue;
    const kept = [...mark.classList].filter((name) => ["mark", "branch", "bus", "binds", "open", "lost"].includes(name));
    mark.setAttribute("class", [...kept, standing].join(" "));
    mark.querySelector("title").textContent = words;
    mark.querySelector("use")?.setAttribute("href", `#bus-${standing}`);
    const label = labels.get(id);
    if (!label) continue;
    label.textContent = text;
    const set = { x, y, dy, "text-anchor": anchor, "data-least": least };
    for (const [name, value] of Object.entries(set)) label.setAttribute(name, value);
    fits(label, scale);
  }
  const focused = box.querySelector(".mark:focus title");
  if (focused) box.querySelector("[data-said]").textContent = focused.textContent;
  const body = box.querySelector("[data-rows]");
  body.replaceChildren(...rows(found.rows));
}

function rows(found) {
  if (!found.length) {
    const row = document.createElement("tr");
    const cell = row.appendChild(document.createElement("td"));
    cell.colSpan = 4;
    cell.textContent = "Nothing in what is shown.";
    return [row];
  }
  return found.map((texts) => {
    const row = document.createElement("tr");
    texts.forEach((text, at) => {
      const cell = row.appendChild(document.createElement(at ? "td" : "th"));
      if (!at) cell.scope = "row";
      cell.textContent = text;
    });
    return row;
  });
}

// Made by a worker: asked for until it is there, for some minutes at most.
function wait(place, left = 90) {
  if (!left) return;
  setTimeout(async () => {
    const answer = await fetch(place.dataset.wait, { method: "HEAD", credentials: "same-origin" }).catch(() => null);
    if (answer?.ok) window.location.reload();
    else wait(place, left - 1);
  }, 2000);
}

document.querySelectorAll("[data-oneline]").forEach(start);
document.querySelectorAll("[data-wait]").forEach((place) => wait(place));
