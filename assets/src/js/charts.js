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
import { slotsOf } from "./chart_parts.js";
import { limitOption } from "./chart_limit.js";
import { registerOption } from "./chart_register.js";

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

// A click on a half-hour opens what made its numbers; the table's links do the same.
function askWhy(chart, figure) {
  const slots = slotsOf(drawn.get(figure).data.times);
  chart.getZr().on("click", ({ offsetX, offsetY }) => {
    if (!chart.containPixel("grid", [offsetX, offsetY])) return;
    const [index] = chart.convertFromPixel("grid", [offsetX, offsetY]);
    const { times } = drawn.get(figure).data;
    const { from } = slots[Math.max(0, Math.min(slots.length - 1, Math.floor(index)))];
    if (from === null) return;
    window.location.assign(`${figure.dataset.why}&at=${encodeURIComponent(times[from])}#why`);
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
