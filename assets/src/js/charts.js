// Draws every <figure class="chart" data-chart="register|limit|bars"> from the JSON beside it.
//
// The figure's table holds the same values, so a chart is never the only way to read them.

import { BarChart, LineChart } from "echarts/charts";
import {
  DataZoomSliderComponent,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TooltipComponent,
} from "echarts/components";
import * as echarts from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

import { barsOption } from "./chart_bars.js";
import { slotsOf, titleOf } from "./chart_parts.js";
import { limitOption } from "./chart_limit.js";
import { registerOption, registerRows } from "./chart_register.js";

echarts.use([
  BarChart,
  LineChart,
  DataZoomSliderComponent,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TooltipComponent,
  SVGRenderer,
]);

const OPTIONS = { register: registerOption, limit: limitOption, bars: barsOption };
const still = window.matchMedia("(prefers-reduced-motion: reduce)");
const root = document.documentElement;
const drawn = new Map();

const colours = () => {
  const style = getComputedStyle(root);
  return (name) => style.getPropertyValue(`--${name}`).trim();
};

function draw(figure) {
  const { chart, data } = drawn.get(figure);
  const colour = colours();
  chart.setOption(
    {
      animation: !still.matches,
      animationDuration: 250,
      textStyle: { fontFamily: '"Source Sans 3", system-ui, sans-serif', fontSize: 14 },
      ...OPTIONS[figure.dataset.chart](data, colour, chart.getWidth()),
    },
    { notMerge: true },
  );
}

function start(figure) {
  const canvas = figure.querySelector(".chart-canvas");
  const source = figure.querySelector('script[type="application/json"]');
  if (!canvas || !source || !(figure.dataset.chart in OPTIONS) || drawn.has(figure)) return;
  figure.dataset.drawn = "";
  const chart = echarts.init(canvas, null, { renderer: "svg" });
  drawn.set(figure, { chart, data: JSON.parse(source.textContent) });
  draw(figure);
  if (figure.dataset.why) askWhy(chart, figure);
  let width = chart.getWidth();
  new ResizeObserver(() => {
    if (canvas.clientWidth === width) return;
    width = canvas.clientWidth;
    chart.resize();
    draw(figure);
  }).observe(canvas);
}

const KEYS = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageUp: 48, PageDown: -48 };

// A half-hour is picked by a click, or by the keys of a slider, and opens what made its numbers; the
// table's links do the same.
function askWhy(chart, figure) {
  const { data } = drawn.get(figure);
  const slots = slotsOf(data.times);
  const ask = (index) => window.location.assign(
    `${figure.dataset.why}&at=${encodeURIComponent(data.times[index])}#why`,
  );
  chart.getZr().on("click", ({ offsetX, offsetY }) => {
    if (!chart.containPixel("grid", [offsetX, offsetY])) return;
    const [index] = chart.convertFromPixel("grid", [offsetX, offsetY]);
    const { from } = slots[Math.max(0, Math.min(slots.length - 1, Math.floor(index)))];
    if (from !== null) ask(from);
  });
  pickByKey(chart, figure.querySelector(".chart-canvas"), { data, slots, ask });
}

function pickByKey(chart, canvas, { data, slots, ask }) {
  const last = data.times.length - 1;
  let picked = 0;
  const pick = (index) => {
    picked = Math.max(0, Math.min(last, index));
    const dataIndex = slots.findIndex(({ from }) => from === picked);
    const values = registerRows(data, picked).map(([name, text]) => `${name} ${text}`).join(", ");
    canvas.setAttribute("aria-valuenow", picked);
    canvas.setAttribute("aria-valuetext", `${titleOf(slots[dataIndex])}: ${values}`);
    return dataIndex;
  };
  const show = (index) =>
    chart.dispatchAction({ type: "showTip", seriesIndex: 0, dataIndex: pick(index) });
  canvas.setAttribute("role", "slider");
  canvas.setAttribute("aria-valuemin", 0);
  canvas.setAttribute("aria-valuemax", last);
  canvas.tabIndex = 0;
  pick(0);
  canvas.addEventListener("focus", () => show(picked));
  canvas.addEventListener("blur", () => chart.dispatchAction({ type: "hideTip" }));
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Enter") ask(picked);
    else if (event.key in KEYS) show(picked + KEYS[event.key]);
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(last);
    else return;
    event.preventDefault();
  });
}

const drawAll = () => drawn.forEach((_, figure) => draw(figure));

function startAll(within = document) {
  const charts = "figure.chart[data-chart]";
  if (within instanceof Element && within.matches(charts)) start(within);
  within.querySelectorAll(charts).forEach(start);
}

// On paper the ground is white whatever the screen shows.
let before = "light";
window.addEventListener("beforeprint", () => {
  before = root.dataset.bsTheme;
  root.dataset.bsTheme = "light";
  drawAll();
});
window.addEventListener("afterprint", () => {
  root.dataset.bsTheme = before;
  drawAll();
});

new MutationObserver(drawAll).observe(root, { attributeFilter: ["data-bs-theme"] });
still.addEventListener("change", drawAll);
document.addEventListener("htmx:load", (event) => startAll(event.target));
if (document.readyState === "loading") {
  document.addEventListener("DOMContentLoaded", () => startAll());
} else {
  startAll();
}
