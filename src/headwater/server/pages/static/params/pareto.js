// The Pareto front: a picture of any two objectives, and the table of the runs on it.

import { faint, pageColours } from "../charts/colours.js";
import { cell } from "../charts/export.js";
import { axisFrame, frameOf } from "../charts/layout.js";
import { plain } from "../charts/traces.js";
import { h } from "../dom.js";
import { number, shortened, whole } from "../format.js";
import { scaleOf } from "./axes.js";

const MOST_ROWS = 200;
const MANY = 1500;
const MOST_DRAWN = 6000;

/**
 * Return {x, y, shape} of the edge of what the front of two objectives dominates.
 *
 * Between two points only the one that is worse in x is reached, so that the edge goes down (or up) at once where
 * more of x is better, and at the next point where less is.
 */
export function edgeOf(points, direction) {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return { x: sorted.map(([x]) => x), y: sorted.map(([, y]) => y), shape: direction === "max" ? "vh" : "hv" };
}

/** How many dominated runs stand for one that is drawn: the pictures are SVG, an element a run. */
export const everyOf = (runs) => Math.ceil(runs.filter((run) => !run.on_front).length / MOST_DRAWN) || 1;

function drawnOf(runs) {
  const every = everyOf(runs);
  return runs.filter((run) => !run.on_front).filter((_, at) => at % every === 0);
}

const said = (objectives, run) => `${plain(shortened(run.run_name || run.run_id, 60))}<br>${objectives.map(({ metric }, at) => `${plain(shortened(metric, 40))} ${number(run.values[at])}`).join("<br>")}`;

/** Return {data, layout, height} for Plotly; `x` and `y` are numbers of objectives. */
export function paretoFigure({ objectives, runs }, x, y, width) {
  const colours = pageColours();
  const front = runs.filter((run) => run.on_front);
  const rest = drawnOf(runs);
  const points = (some, name, marker) => ({
    type: "scatter",
    mode: "markers",
    name,
    x: some.map(({ values }) => values[x]),
    y: some.map(({ values }) => values[y]),
    text: some.map((run) => said(objectives, run)),
    customdata: some.map(({ run_id: id }) => id),
    hovertemplate: "%{text}<extra></extra>",
    marker,
  });
  const data = [points(rest, "dominated", { color: faint(colours.text, rest.length > MANY ? 0.22 : 0.38), size: rest.length > MANY ? 4 : 6 })];
  if (objectives.length === 2) {
    const edge = edgeOf(front.map(({ values }) => [values[x], values[y]]), objectives[x].direction);
    data.push({ type: "scatter", mode: "lines", name: "edge", x: edge.x, y: edge.y, hoverinfo: "skip", showlegend: false, line: { color: colours.accent, width: 2, shape: edge.shape } });
  }
  data.push(points(front, "on the front", { color: colours.accent, size: 9, line: { color: colours.surface, width: 1.2 } }));
  const axis = (at) => {
    const { metric, direction } = objectives[at];
    const values = [...new Set(runs.map((run) => run.values[at]))].sort((a, b) => a - b);
    const better = direction === "max" ? "higher" : "lower";
    return { ...axisFrame(colours), exponentformat: "e", nticks: width < 500 ? 5 : 8, fixedrange: true, type: scaleOf(values), title: { text: plain(`${shortened(metric, width < 500 ? 24 : 50)} (${better} is better)`), standoff: 8, font: { size: 11.5 } } };
  };
  const height = width < 500 ? 340 : 420;
  return { data, height, layout: { ...frameOf(colours), height, margin: { l: 56, r: 16, t: 10, b: 48 }, xaxis: axis(x), yaxis: axis(y) } };
}

/** What the front is in one sentence. */
export function sentence({ objectives, runs, duplicates, unusable }) {
  const front = runs.filter((run) => run.on_front).length;
  const parts = [`${whole(front)} of ${whole(runs.length)} runs are on the front: no other run beats them in all ${objectives.length} objectives.`];
  const equal = duplicates.reduce((sum, ids) => sum + ids.length, 0);
  if (equal) parts.push(`${whole(equal)} of them have the same values as another one.`);
  if (unusable.length) parts.push(`${whole(unusable.length)} more lack a finite value of an objective: ${lacks({ objectives, unusable })}.`);
  return parts.join(" ");
}

function lacks({ objectives, unusable }) {
  const counts = objectives.map(({ metric }) => [metric, unusable.filter(({ metrics }) => metrics.includes(metric)).length]);
  return counts.filter(([, count]) => count).map(([metric, count]) => `${whole(count)} of ${metric}`).join(", ");
}

/** The runs on the front, and those without a value; `link(id, name)` leads to a run. */
export function tables({ objectives, runs, unusable }, link) {
  const front = runs.filter((run) => run.on_front);
  const heads = ["Run", ...objectives.map(({ metric, direction }) => `${metric} (${direction})`)];
  const rows = front.slice(0, MOST_ROWS).map((run) => h("tr", {}, h("th", { scope: "row" }, link(run.run_id, run.run_name)), ...run.values.map((value) => h("td", { class: "num", text: number(value) }))));
  const parts = [
    h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Runs on the front" }, h("table", {}, h("thead", {}, h("tr", {}, ...heads.map((text, at) => h("th", { scope: "col", class: at ? "num" : null, text })))), h("tbody", {}, ...rows))),
  ];
  if (front.length > MOST_ROWS) parts.push(h("p", { class: "dim", text: `The first ${whole(MOST_ROWS)} of ${whole(front.length)}; CSV has all.` }));
  if (unusable.length) {
    const items = unusable.slice(0, MOST_ROWS).map(({ run_id: id, metrics }) => h("li", {}, link(id, null), h("span", { class: "dim", text: `: no finite ${metrics.join(", ")}` })));
    const more = unusable.length > MOST_ROWS ? h("p", { class: "dim", text: `The first ${whole(MOST_ROWS)} of ${whole(unusable.length)}; CSV has all.` }) : null;
    parts.push(h("details", { id: "unusable" }, h("summary", { text: `Runs without a value: ${whole(unusable.length)}` }), h("ul", { class: "unused" }, ...items), more));
  }
  return parts;
}

/** Return a line a run, those without a value at the end, with a head. */
export function csvOf({ objectives, runs, unusable }) {
  const lines = [["run_id", "run_name", ...objectives.map(({ metric }) => cell(metric)), "on_front"].join(",")];
  for (const run of runs) lines.push([run.run_id, cell(run.run_name ?? ""), ...run.values, run.on_front ? 1 : 0].join(","));
  for (const { run_id: id } of unusable) lines.push([id, "", ...objectives.map(() => ""), ""].join(","));
  return `${lines.join("\n")}\n`;
}
