// Plain bars: one value for each label, lying down where the labels are long.

import { shown, tooltip, valueAxis } from "./chart_parts.js";

export function barsOption(data, colour, width) {
  const narrow = width < 480;
  const lying = data.labels.some((label) => String(label).length > (narrow ? 5 : 12));
  const labels = {
    type: "category",
    data: data.labels.map(String),
    inverse: lying,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: colour("chart-text") } },
    axisLabel: {
      color: colour("chart-text"),
      fontSize: 13,
      lineHeight: 16,
      hideOverlap: true,
      ...(lying ? { width: narrow ? 110 : 220, overflow: "break" } : {}),
    },
  };
  const values = valueAxis(lying ? "" : data.unit, colour);
  if (lying) {
    values.axisLabel.formatter = (value) => shown(value, data.unit);
    values.axisLabel.hideOverlap = true;
  }
  return {
    grid: {
      top: lying ? 8 : 34, left: 8, right: lying ? 40 : 14, bottom: 8,
      outerBoundsMode: "same", outerBoundsContain: "axisLabel",
    },
    xAxis: lying ? values : labels,
    yAxis: lying ? labels : values,
    tooltip: tooltip(colour, (index) => ({
      title: String(data.labels[index]),
      rows: [["Value", shown(data.values[index], data.unit)]],
    })),
    series: [{
      type: "bar",
      data: data.values,
      barMaxWidth: 48,
      itemStyle: { color: colour("chart-permitted") },
      emphasis: { disabled: true },
    }],
  };
}
