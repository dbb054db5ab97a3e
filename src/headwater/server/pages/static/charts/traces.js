// What Plotly draws of the series of one metric. Pure but for colours, which the theme decides.

import { bandOf } from "./bands.js";
import { faint, styleOf } from "./colours.js";
import { envelope, smoothed } from "./smooth.js";

const ENVELOPE_PLACES = 150;

/** Return the name of a run's group. */
export function groupOf(run, names) {
  return names.map((name) => `${name.slice(name.indexOf(".") + 1)}=${run.facts.get(name) ?? "none"}`).join(", ");
}

/** Return the lines of a page: {name, runs, index}, one a run or one a group. */
export function linesOf(runs, groups) {
  if (!groups.length) return runs.map((run, index) => ({ name: run.name, runs: [run], index }));
  const found = new Map();
  for (const run of runs) {
    const name = groupOf(run, groups);
    if (!found.has(name)) found.set(name, []);
    found.get(name).push(run);
  }
  const names = [...found.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return names.map((name, index) => ({ name, runs: found.get(name), index }));
}

/** Say whether a metric has one value a run, which is a bar, no curve. */
export const isSingle = (series) => series.length > 0 && series.every(({ total }) => total === 1);

/** Return Plotly's traces of one metric. */
export function tracesOf(series, lines, state) {
  const single = isSingle(series) && state.from === null && state.to === null;
  if (single) return [barsOf(series, lines, state)];
  return lines.flatMap((line) => {
    const mine = series.filter(({ run }) => line.runs.includes(run));
    if (!mine.length) return [];
    return state.groups.length ? groupTraces(mine, line, state) : runTraces(mine[0], line, state);
  });
}

function runTraces({ x, y }, line, state) {
  const { colour, dash } = styleOf(line.index);
  const drawn = state.smooth ? smoothed(y, state.smooth) : y;
  const main = lineTrace(x, drawn, line.name, colour, dash);
  if (!state.smooth) return [main];
  const band = envelope(x, y, ENVELOPE_PLACES);
  return [...bandTraces(band.x, band.low, band.high, colour), main];
}

function groupTraces(series, line, state) {
  const { colour, dash } = styleOf(line.index);
  const band = bandOf(series);
  const deviation = band.sd.map((sd) => sd ?? 0);
  const low = state.band === "sd" ? band.mean.map((mean, i) => mean - deviation[i]) : band.low;
  const high = state.band === "sd" ? band.mean.map((mean, i) => mean + deviation[i]) : band.high;
  const mean = state.smooth ? smoothed(band.mean, state.smooth) : band.mean;
  const main = lineTrace(band.x, mean, line.name, colour, dash);
  main.customdata = band.n;
  main.hovertemplate = "%{y:.5~g} (n = %{customdata})";
  return [...bandTraces(band.x, low, high, colour), main];
}

function lineTrace(x, y, name, colour, dash) {
  const points = y.filter((value) => value !== null).length;
  return {
    type: "scatter",
    mode: points < 2 ? "markers" : points <= 40 ? "lines+markers" : "lines",
    x,
    y,
    name: plain(name),
    connectgaps: false,
    line: { color: colour, width: 1.6, dash },
    marker: { color: colour, size: points < 2 ? 7 : 3.5 },
    hovertemplate: "%{y:.5~g}",
  };
}

function bandTraces(x, low, high, colour) {
  const edge = { type: "scatter", mode: "lines", x, line: { width: 0, color: colour }, hoverinfo: "skip", showlegend: false };
  return [
    { ...edge, y: low },
    { ...edge, y: high, fill: "tonexty", fillcolor: faint(colour, 0.17) },
  ];
}

function barsOf(series, lines, state) {
  const rows = lines.flatMap((line) => {
    const values = series.filter(({ run }) => line.runs.includes(run)).map(({ y }) => y[0]).filter((y) => y !== null);
    if (!values.length) return [];
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const sd = values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0;
    const ends = state.band === "sd" ? [sd, sd] : [Math.max(...values) - mean, mean - Math.min(...values)];
    return [{ line, mean, ends, n: values.length }];
  });
  const trace = {
    type: "bar",
    orientation: "h",
    y: rows.map(({ line }) => line.index),
    x: rows.map(({ mean }) => mean),
    customdata: rows.map(({ line }) => plain(line.name)),
    hovertemplate: "%{customdata}: %{x:.5~g}<extra></extra>",
    marker: { color: rows.map(({ line }) => styleOf(line.index).colour) },
    showlegend: false,
  };
  if (state.groups.length)
    trace.error_x = { type: "data", symmetric: false, array: rows.map(({ ends }) => ends[0]), arrayminus: rows.map(({ ends }) => ends[1]), thickness: 1.2, width: 3 };
  return trace;
}

/** Return a text of which Plotly, which reads some markup, makes nothing but that text. */
export function plain(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
