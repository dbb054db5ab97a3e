// The estimation plot: every run's value, and beside it the difference with its interval.
//
// Two groups: the difference on an axis at the right whose zero is the other group's mean (Gardner and Altman,
// BMJ 292 (1986), 746-750). More: the differences below, each under its group (Cumming, Understanding The New
// Statistics, 2012).

import { faint, pageColours, styleOf } from "../charts/colours.js";
import { axisFrame, frameOf } from "../charts/layout.js";
import { plain } from "../charts/traces.js";
import { number, shortened } from "../format.js";
import { pairsOf, spread } from "./values.js";
import { interval, probability, sharedPrefix, signed } from "./words.js";

const MOST_LINES = 300;
const MARGIN = 0.06;
const LETTER = 6.6;

/** Return {data, layout} for Plotly. */
export function estimationFigure(verdict, groups, width) {
  const two = verdict.comparisons.length === 1;
  const paired = verdict.question.paired_by !== null;
  const data = [];
  if (paired) data.push(pairLines(groups));
  groups.forEach((group, at) => data.push(...pointsOf(group, at, verdict.question.paired_by)));
  data.push(...meansOf(groups));
  const differences = verdict.comparisons.map((found, index) => ({ found, x: two ? 2 : index + 1 }));
  const values = limits(groups.flatMap(({ runs, mean }) => [...runs.map(({ value }) => value), mean]));
  const away = limits(differences.flatMap(({ found }) => [0, found.estimate, found.interval?.low, found.interval?.high]));
  const zero = two ? verdict.comparisons[0].means[1] : null;
  let [low, high] = values;
  if (zero !== null) [low, high] = [Math.min(low, zero + away[0]), Math.max(high, zero + away[1])];
  const main = padded(low, high);
  const second = zero === null ? padded(...away) : main.map((end) => end - zero);
  for (const each of differences) data.push(...differenceOf(each, second));
  return { data, layout: layout(verdict, groups, { two, zero, main, second, width }) };
}

function limits(values) {
  const given = values.filter((value) => value !== null && value !== undefined);
  return given.length ? [Math.min(...given), Math.max(...given)] : [0, 1];
}

function padded(low, high) {
  const room = high > low ? (high - low) * MARGIN : Math.abs(low) * 0.05 || 1;
  return [low - room, high + room];
}

function pairLines(groups) {
  const x = [];
  const y = [];
  for (const { values } of pairsOf(groups).slice(0, MOST_LINES)) {
    values.forEach((value, at) => {
      x.push(at);
      y.push(value);
    });
    x.push(null);
    y.push(null);
  }
  return { type: "scatter", showlegend: false, mode: "lines", name: "pairs", x, y, connectgaps: false, hoverinfo: "skip", line: { color: faint(pageColours().line, 0.9), width: 1 } };
}

function pointsOf({ label, runs }, at, pairedBy) {
  const places = pairedBy === null ? spread(runs.map(({ value }) => value)) : runs.map(() => 0);
  const { colour } = styleOf(at);
  const said = ({ name, value, pair, used }) => `${plain(shortened(name, 60))}<br>${number(value)}${pair === null ? "" : ` · ${plain(shortened(`${pairedBy} ${pair}`, 40))}`}${used ? "" : "<br>not compared"}`;
  const points = {
    type: "scatter",
    showlegend: false,
    mode: "markers",
    name: plain(label),
    x: places.map((place) => at + place),
    y: runs.map(({ value }) => value),
    text: runs.map(said),
    customdata: runs.map(({ id }) => id),
    hovertemplate: "%{text}<extra></extra>",
    marker: { color: faint(colour, 0.75), symbol: runs.map(({ used }) => (used ? "circle" : "circle-open")), size: runs.length > 60 ? 5 : 8, line: { width: 1, color: colour } },
  };
  return [points];
}

function meansOf(groups) {
  return groups.flatMap(({ mean, label }, at) => {
    if (mean === null) return [];
    const text = `${plain(shortened(label, 60))}<br>mean ${number(mean)}`;
    return [{ type: "scatter", showlegend: false, mode: "lines", name: `mean of ${plain(label)}`, x: [at - 0.27, at + 0.27], y: [mean, mean], text: [text, text], hovertemplate: "%{text}<extra></extra>", line: { color: pageColours().strong, width: 2.5 } }];
  });
}

function differenceOf({ found, x }, [low, high]) {
  if (found.estimate === null) return [];
  const colour = pageColours().strong;
  const text = `difference to ${plain(shortened(found.b, 50))}: ${signed(found.estimate)}<br>${interval(found.interval)}<br>p ${probability(found.p_adjusted)}: ${found.decision}`;
  const drawn = [];
  if (found.interval) {
    const ends = [found.interval.low ?? low, found.interval.high ?? high];
    const symbols = [found.interval.low === null ? "triangle-down" : "line-ew-open", found.interval.high === null ? "triangle-up" : "line-ew-open"];
    drawn.push({ type: "scatter", showlegend: false, mode: "lines+markers", name: "interval", yaxis: "y2", x: [x, x], y: ends, hoverinfo: "skip", line: { color: colour, width: 2.2 }, marker: { color: colour, symbol: symbols, size: 9, line: { width: 2, color: colour } } });
  }
  drawn.push({ type: "scatter", showlegend: false, mode: "markers", name: "difference", yaxis: "y2", x: [x], y: [found.estimate], text: [text], hovertemplate: "%{text}<extra></extra>", marker: { color: colour, symbol: "diamond", size: 11 } });
  return drawn;
}

function layout(verdict, groups, { two, zero, main, second, width }) {
  const colours = pageColours();
  const count = groups.length;
  const room = (width - (two ? 150 : 90)) / (two ? 3 : count);
  const tilted = room < 50;
  const most = tilted ? 14 : Math.floor(room / LETTER);
  const axis = { ...axisFrame(colours), exponentformat: "e", fixedrange: true };
  const frame = frameOf(colours);
  const title = (text) => ({ text: plain(shortened(text, 40)), standoff: 8, font: { size: 11.5 } });
  const dashed = { type: "line", xref: "x", layer: "below", line: { color: colours.text, width: 1, dash: "dot" } };
  const names = groups.map(({ label }, at) => plain(shortened(label, most)) + (at === 0 ? `${tilted ? " " : "<br>"}(candidate)` : ""));
  const column = sharedPrefix(groups.map(({ name }) => name)).replace(/ = $/, "");
  const shapes = [];
  if (zero !== null) {
    shapes.push({ ...dashed, yref: "y2", x0: 1, x1: 2.5, y0: 0, y1: 0 });
    const { estimate } = verdict.comparisons[0];
    if (estimate !== null && groups[0].mean !== null) shapes.push({ ...dashed, yref: "y", x0: 0, x1: 2, y0: groups[0].mean, y1: groups[0].mean });
  }
  return {
    ...frame,
    margin: { l: 56, r: two ? 60 : 14, t: 10, b: 48 },
    hoverlabel: { ...frame.hoverlabel, align: "left" },
    shapes,
    xaxis: { ...axis, showgrid: false, showline: true, anchor: two ? "y" : "y2", range: [-0.55, two ? 2.5 : count - 0.45], title: column ? title(column) : undefined, tickangle: tilted ? -45 : 0, tickmode: "array", tickvals: [...groups.keys(), ...(two ? [2] : [])], ticktext: [...names, ...(two ? ["difference"] : [])] },
    yaxis: { ...axis, range: main, title: title(verdict.question.metric), ...(two ? {} : { domain: [0.42, 1] }) },
    yaxis2: { ...axis, range: second, title: title("difference"), ...(two ? { overlaying: "y", side: "right", showgrid: false, tickmode: "auto" } : { domain: [0, 0.35], anchor: "x", zeroline: true, zerolinecolor: colours.text, zerolinewidth: 1 }) },
  };
}
