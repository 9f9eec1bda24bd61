// A site's capacity register by half-hour: what was bought stands above zero, what was sold below.

import {
  along, grid, legend, line, shown, slotsOf, timeAxis, titleOf, tooltip, valueAxis, zoom,
} from "./chart_parts.js";

const AREAS = [
  ["bought", "Bought", "chart-bought", 1],
  ["held_bought", "Held to buy", "chart-held-bought", 1],
  ["sold", "Sold", "chart-sold", -1],
  ["held_sold", "Held to sell", "chart-held-sold", -1],
];
const LINES = [
  ["agreed", "Agreed", "chart-agreed", "dashed", 1.75],
  ["ceiling", "Ceiling", "chart-ceiling", "dotted", 2],
  ["permitted", "Permitted", "chart-permitted", "solid", 2.75],
];

const has = (values) => Array.isArray(values) && values.some((value) => value !== null);
const moves = (values) => has(values) && values.some((value) => Number(value) !== 0);

const names = (kinds) => kinds.map(([, name]) => name);

export function registerOption(data, colour, width) {
  const slots = slotsOf(data.times);
  const areas = AREAS.filter(([key]) => moves(data[key]));
  const lines = LINES.filter(([key]) => has(data[key]));
  const kinds = [...lines, ...areas];
  const zoomed = zoom(slots, colour);
  return {
    legend: legend(colour, names(lines), names(areas)),
    grid: grid(width, names(kinds), zoomed.length > 0),
    dataZoom: zoomed,
    xAxis: timeAxis(slots, colour, width),
    yAxis: valueAxis(data.unit, colour),
    tooltip: tooltip(colour, (index) => ({
      title: titleOf(slots[index]),
      rows: kinds.map(([key, name]) => {
        const { from } = slots[index];
        return [name, shown(from === null ? null : data[key][from], data.unit)];
      }),
    })),
    series: [
      ...areas.map(([key, name, tone, sign]) => ({
        ...line(name, along(slots, data[key], sign), colour(tone)),
        stack: sign > 0 ? "bought" : "sold",
        lineStyle: { width: 0 },
        areaStyle: { color: colour(tone), opacity: 1, origin: 0 },
        z: 2,
      })),
      ...lines.map(([key, name, tone, type, width]) =>
        line(name, along(slots, data[key]), colour(tone), { lineStyle: { type, width } }),
      ),
    ],
  };
}
