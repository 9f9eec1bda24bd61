// A site's capacity register by half-hour, stacked as it is reckoned: what was bought stands on what
// is agreed, what was sold is taken off it, so that what is left in full colour is the permitted.

import {
  along, grid, legend, line, shown, slotsOf, timeAxis, titleOf, tooltip, valueAxis, zoom,
} from "./chart_parts.js";

// From below. What is held to sell is permitted still; what is held to buy is not yet.
const AREAS = [
  ["kept", "Agreed and kept", "chart-permitted", 0.28],
  ["held_sold", "Held to sell", "chart-held-sold", 1],
  ["sold", "Sold: taken off", "chart-sold", 0.5],
  ["bought", "Bought: added", "chart-bought", 1],
  ["held_bought", "Held to buy", "chart-held-bought", 1],
];
const LINES = [
  ["agreed", "Agreed", "chart-agreed", "dashed", 1.75],
  ["ceiling", "Ceiling", "chart-ceiling", "dotted", 2],
  ["permitted", "Permitted", "chart-permitted", "solid", 2.75],
];
const SAID = [
  ["permitted", "Permitted"],
  ["agreed", "Agreed"],
  ["bought", "Bought"],
  ["sold", "Sold"],
  ["held_bought", "Held to buy"],
  ["held_sold", "Held to sell"],
  ["ceiling", "Ceiling"],
];

const has = (values) => Array.isArray(values) && values.some((value) => value !== null);
const moves = (values) => has(values) && values.some((value) => Number(value) !== 0);
const names = (kinds) => kinds.map(([, name]) => name);

// What is agreed, without what is sold or held to be.
function kept({ agreed, sold = [], held_sold: held = [] }) {
  return agreed.map((kw, n) =>
    Math.max(0, Number(kw ?? 0) - Number(sold[n] ?? 0) - Number(held[n] ?? 0)));
}

// The values of a half-hour, for the box beside the pointer and for a screen reader.
export function registerRows(data, index) {
  return SAID.filter(([key]) => key === "permitted" || moves(data[key]))
    .map(([key, name]) => [name, shown(data[key][index], data.unit)]);
}

export function registerOption(given, colour, width) {
  const data = { ...given, kept: kept(given) };
  const slots = slotsOf(data.times);
  const areas = AREAS.filter(([key]) => moves(data[key]));
  const lines = LINES.filter(([key]) => has(data[key]));
  const zoomed = zoom(slots, colour);
  return {
    legend: legend(colour, names(lines), areas.map(([, name, , opacity]) => ({ name, opacity }))),
    grid: grid(width, names([...lines, ...areas]), zoomed.length > 0),
    dataZoom: zoomed,
    xAxis: timeAxis(slots, colour, width),
    yAxis: valueAxis(data.unit, colour),
    tooltip: tooltip(colour, (index) => {
      const { from } = slots[index];
      return { title: titleOf(slots[index]), rows: from === null ? [] : registerRows(data, from) };
    }),
    series: [
      ...areas.map(([key, name, tone, opacity]) => ({
        ...line(name, along(slots, data[key]), colour(tone)),
        stack: "register",
        lineStyle: { width: 0 },
        areaStyle: { color: colour(tone), opacity, origin: 0 },
        z: 2,
      })),
      ...lines.map(([key, name, tone, type, width]) =>
        line(name, along(slots, data[key]), colour(tone), { lineStyle: { type, width } }),
      ),
    ],
  };
}
