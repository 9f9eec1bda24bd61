// A one-line diagram: its half-hour, its size and its names; and pages that wait for a worker.
//
// The server says how each mark stands; here classes, texts and sizes are set. Without this script
// the form beside the diagram loads the page again.

const STEP = 1.25;
const LEAST = 0.15;
const MOST = 6;

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
    view.scrollLeft = (middle[0] * scale) / was - view.clientWidth / 2;
    view.scrollTop = (middle[1] * scale) / was - view.clientHeight / 2;
  }
  const fit = () => zoomTo(
    Math.min(1.4, (view.clientWidth - 4) / natural.width, Math.max(0.5, (view.clientHeight || 500) / natural.height)),
  );
  const zooms = { in: () => zoomTo(scale * STEP), out: () => zoomTo(scale / STEP), fit };

  box.querySelectorAll("[data-zoom]").forEach((button) => {
    button.addEventListener("click", () => zooms[button.dataset.zoom]());
  });
  view.addEventListener("keydown", (event) => {
    const name = { "+": "in", "=": "in", "-": "out", 0: "fit" }[event.key];
    if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    zooms[name]();
  });
  box.querySelector("[data-names]").addEventListener("change", (event) => {
    svg.classList.toggle("names", event.target.checked);
  });
  form.querySelector("[data-part]")?.addEventListener("change", () => form.requestSubmit());
  toWorst(view, svg);
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
        apply(box, await found(from));
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

function toWorst(view, svg) {
  const mark = svg.querySelector(".binds, .over, .high, .low, .near");
  if (!mark) return;
  const at = mark.getBoundingClientRect();
  const within = view.getBoundingClientRect();
  view.scrollLeft += at.left - within.left - view.clientWidth / 2;
  view.scrollTop += at.top - within.top - view.clientHeight / 2;
}

function apply(box, found) {
  box.querySelector("[data-moment]").textContent = found.moment;
  box.querySelector("[data-case]").textContent = found.case;
  for (const [id, [standing, value, words]] of Object.entries(found.marks)) {
    const mark = box.querySelector(`#${id}`);
    if (!mark) continue;
    const kept = [...mark.classList].filter((name) => ["mark", "branch", "bus", "binds", "open"].includes(name));
    mark.setAttribute("class", [...kept, standing].join(" "));
    mark.querySelector("title").textContent = words;
    mark.querySelector(".value").textContent = value;
    mark.querySelector("use")?.setAttribute("href", `#bus-${standing}`);
  }
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
