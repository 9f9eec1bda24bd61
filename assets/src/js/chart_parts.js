// What the kinds of chart share: half-hours in market time, axes, legend, the values' box.

const ZONE = "Europe/London";
const HALF_HOUR = 30 * 60 * 1000;
const clock = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, day: "numeric", month: "short" });
const dayInFull = new Intl.DateTimeFormat("en-GB", {
  timeZone: ZONE, weekday: "short", day: "numeric", month: "short", year: "numeric",
});
const number = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 3 });

export const shown = (value, unit) =>
  value === null || value === undefined ? "–" : `${number.format(Math.abs(value))} ${unit}`;

// A value holds for its half-hour, so each stretch gets one more point at its end. `slots` are the
// points of the axis in order: `from` is an index into the data, or null between two stretches.
export function slotsOf(times) {
  const moments = times.map((text) => Date.parse(text));
  const slots = [];
  moments.forEach((moment, index) => {
    slots.push({ at: moment, from: index, until: moment + HALF_HOUR });
    const next = moments[index + 1];
    if (next === undefined || next - moment > HALF_HOUR) {
      slots.push({ at: moment + HALF_HOUR, from: index, until: null });
      if (next !== undefined) slots.push({ at: null, from: null, until: null });
    }
  });
  return slots;
}

export const along = (slots, values, sign = 1) =>
  slots.map(({ from }) => {
    const value = from === null ? null : values[from];
    return value === null || value === undefined ? null : sign * Number(value);
  });

// Labels stand at whole hours that fit the width, and carry the date at midnight and where a
// stretch begins; over many days only the dates are left.
export function timeAxis(slots, colour, width) {
  const local = slots.map(({ at }) => (at === null ? "" : clock.format(at)));
  const dated = (index) => slots[index].from !== null
    && (index === 0 || local[index] === "00:00" || slots[index - 1].at === null);
  const hours = [1, 2, 3, 4, 6, 12].find((step) => slots.length / 2 / step <= width / 62) ?? 24;
  const onTheHour = (index) =>
    local[index].endsWith(":00") && Number(local[index].slice(0, 2)) % hours === 0;
  return {
    type: "category",
    boundaryGap: false,
    data: slots.map((_, index) => String(index)),
    axisLine: { lineStyle: { color: colour("chart-text") }, onZero: false },
    axisTick: { show: false },
    axisLabel: {
      color: colour("chart-text"),
      fontSize: 13,
      lineHeight: 16,
      verticalAlign: "top",
      hideOverlap: true,
      interval: (index) => dated(index) || (hours < 24 && onTheHour(index)),
      formatter: (text) => {
        const index = Number(text);
        const { at } = slots[index];
        if (at === null) return "";
        if (hours === 24) return day.format(at);
        return dated(index) ? `${local[index]}\n${day.format(at)}` : local[index];
      },
    },
  };
}

export const valueAxis = (unit, colour, more = {}) => ({
  type: "value",
  name: unit,
  nameGap: 12,
  nameTextStyle: { color: colour("chart-text"), align: "right", fontSize: 13 },
  axisLabel: { color: colour("chart-text"), fontSize: 13, formatter: (value) => number.format(Math.abs(value)) },
  splitLine: { lineStyle: { color: colour("chart-grid") } },
  ...more,
});

// An area ({ name, opacity }) is shown by a block of its colour, a line by its stroke alone.
export const legend = (colour, lines, areas = []) => ({
  top: 0,
  left: 0,
  type: "plain",
  itemWidth: 22,
  itemHeight: 11,
  itemGap: 14,
  data: [
    ...lines.map((name) => ({ name, itemStyle: { opacity: 0 } })),
    ...areas.map(({ name, opacity }) => ({ name, icon: "rect", itemStyle: { opacity } })),
  ],
  textStyle: { color: colour("chart-text"), fontSize: 14 },
  inactiveColor: colour("chart-grid"),
});

// The legend wraps on a narrow screen; the plot starts below its last line.
export function grid(width, names, zoomed) {
  let rows = 1;
  let used = 0;
  for (const name of names) {
    const wide = 44 + 8 * name.length;
    if (used + wide > width) {
      rows += 1;
      used = 0;
    }
    used += wide;
  }
  return {
    top: 28 + 24 * rows,
    left: 8,
    right: 18,
    bottom: zoomed ? 48 : 8,
    outerBoundsMode: "same",
    outerBoundsContain: "axisLabel",
  };
}

const backdrop = (colour) => ({
  lineStyle: { color: colour("chart-text") },
  areaStyle: { color: colour("chart-grid") },
});

export const zoom = (slots, colour) =>
  slots.length > 200
    ? [{
        type: "slider",
        height: 22,
        bottom: 8,
        showDetail: false,
        brushSelect: false,
        borderColor: colour("chart-grid"),
        fillerColor: `${colour("chart-permitted")}26`,
        handleStyle: { color: colour("surface"), borderColor: colour("chart-permitted") },
        moveHandleStyle: { color: colour("calm-line") },
        dataBackground: backdrop(colour),
        selectedDataBackground: backdrop(colour),
      }]
    : [];

// Built of elements: a string of HTML would carry style attributes, which the policy forbids.
function box(title, rows) {
  const tip = document.createElement("div");
  tip.className = "chart-tip";
  const heading = document.createElement("strong");
  heading.textContent = title;
  tip.append(heading);
  for (const [name, text] of rows) {
    const row = document.createElement("span");
    const value = document.createElement("b");
    value.textContent = text;
    row.append(name, value);
    tip.append(row);
  }
  return tip;
}

export const tooltip = (colour, read) => ({
  trigger: "axis",
  confine: true,
  transitionDuration: 0,
  backgroundColor: colour("surface"),
  borderColor: colour("chart-grid"),
  textStyle: { color: colour("chart-text"), fontSize: 14 },
  axisPointer: { type: "line", lineStyle: { color: colour("chart-text") } },
  formatter: (points) => {
    const { title, rows } = read(points[0].dataIndex);
    return box(title, rows);
  },
});

export const titleOf = ({ at, until }) => {
  if (at === null) return "Between two stretches";
  const from = `${dayInFull.format(at)}, ${clock.format(at)}`;
  return until === null ? `${from} (end)` : `${from} to ${clock.format(until)}`;
};

export const line = (name, data, colour, more = {}) => ({
  name,
  type: "line",
  step: "end",
  data,
  symbol: "none",
  showSymbol: false,
  emphasis: { disabled: true },
  lineStyle: { width: 2, color: colour, ...more.lineStyle },
  itemStyle: { color: colour },
  z: 3,
});
