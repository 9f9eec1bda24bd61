// One quantity of the network against its limits: with what is asked, without it, and on the
// reference with no market contract at all.

import {
  along, grid, legend, line, shown, slotsOf, timeAxis, titleOf, tooltip, valueAxis, zoom,
} from "./chart_parts.js";

const LINES = [
  ["reference", "No contracts", "calm-line", "dotted", 2],
  ["without", "Without it", "accent-line", "dashed", 2],
  ["with", "With it", "chart-permitted", "solid", 2.75],
];

const present = (value) => value !== null && value !== undefined;

// The axis ends on round numbers just outside the values: it need not begin at zero, because what
// counts is the distance to the limit.
function roundEnds(low, high) {
  const rough = (high - low || Math.abs(high) || 1) / 5;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = size * [1, 2, 5, 10].find((times) => times * size >= rough);
  const tidy = (value) => Number(value.toPrecision(10));
  return {
    min: tidy(Math.floor(low / step - 0.25) * step),
    max: tidy(Math.ceil(high / step + 0.25) * step),
    interval: tidy(step),
  };
}

export function limitOption(data, colour, width) {
  const slots = slotsOf(data.times);
  const lines = LINES.filter(([key]) => Array.isArray(data[key]) && data[key].some(present));
  const limits = [data.limit_low, data.limit_high].filter(present).map(Number);
  const zoomed = zoom(slots, colour);
  const values = lines.flatMap(([key]) => data[key].filter(present).map(Number)).concat(limits);
  const names = lines.map(([, name]) => name);
  const series = lines.map(([key, name, tone, type, width]) =>
    line(name, along(slots, data[key]), colour(tone), { lineStyle: { type, width } }),
  );
  if (series.length) {
    series[series.length - 1].markLine = {
      silent: true,
      symbol: "none",
      animation: false,
      lineStyle: { color: colour("chart-ceiling"), type: "solid", width: 2 },
      label: {
        position: "insideStartTop",
        color: colour("bad-ink"),
        fontSize: 14,
        formatter: ({ value }) => `Limit ${shown(value, data.unit)}`,
      },
      data: limits.map((value) => ({ yAxis: value })),
    };
  }
  return {
    legend: legend(colour, names),
    grid: grid(width, names, zoomed.length > 0),
    dataZoom: zoomed,
    xAxis: timeAxis(slots, colour, width),
    yAxis: valueAxis(data.unit, colour, {
      ...roundEnds(Math.min(...values), Math.max(...values)),
    }),
    tooltip: tooltip(colour, (index) => ({
      title: titleOf(slots[index]),
      rows: [
        ...lines.map(([key, name]) => {
          const { from } = slots[index];
          return [name, shown(from === null ? null : data[key][from], data.unit)];
        }),
        ...limits.map((value) => ["Limit", shown(value, data.unit)]),
      ],
    })),
    series,
  };
}
