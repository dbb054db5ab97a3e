// Which params matter: in words, as bars, as a table.

import { pageColours } from "../charts/colours.js";
import { cell } from "../charts/export.js";
import { axisFrame, frameOf } from "../charts/layout.js";
import { plain } from "../charts/traces.js";
import { percent } from "../compare/words.js";
import { h } from "../dom.js";
import { shortened, whole } from "../format.js";

export const MOST_BARS = 20;
const ROW = 26;
const LITTLE = 0.3;
const MUCH = 0.7;

export const MEASURES = {
  permutation: {
    title: "growth of the error when the param is shuffled (share of the variance)",
    said: "How much worse the model predicts unseen runs when the values of a param are shuffled: all that it does, also together with others.",
  },
  variance: {
    title: "share of the model's variance that the param explains alone",
    said: "The share of the model's variance that a param explains by itself (functional ANOVA); what pairs explain beyond it is in the table.",
  },
};

/** A share; less than a thousandth of all is nothing to speak of. */
const three = (value) => value.toFixed(3).replace(/^-(?=0\.000$)/, "").replace("-", "−");
const between = (low, high) => `${three(low)} to ${three(high)}`;

/** Return {level, sentence} of how far importances can be relied on. */
export function fitOf({ metric, r_squared: fit, runs, trees }) {
  const said = `R² ${fit.toFixed(2)} on runs that the trees have not seen; ${whole(runs)} runs, ${trees} trees`;
  if (fit <= 0) return { level: "nothing", sentence: `The model explains nothing of how ${metric} varies (${said}). What follows means nothing.` };
  const share = `The model explains ${percent(Math.round(100 * fit) / 100)} of how ${metric} varies (${said}).`;
  if (fit < LITTLE) return { level: "little", sentence: `${share} That is little: rely on none but large differences.` };
  if (fit < MUCH) return { level: "part", sentence: `${share} Something else decides the rest: the first params are more certain than the order of the others.` };
  return { level: "most", sentence: share };
}

/** Return the params by a measure, the most important first. */
export const ranked = ({ params }, by) => [...params].sort((a, b) => b[by] - a[by] || (a.param < b.param ? -1 : 1));

/** Return {data, layout, height} for Plotly. */
export function importanceFigure(found, by, width) {
  const colours = pageColours();
  const rows = ranked(found, by).slice(0, MOST_BARS);
  const weak = found.r_squared < LITTLE;
  const most = Math.max(10, Math.min(34, Math.floor((width * 0.38) / 6.4)));
  const low = Math.min(0, ...rows.map((row) => row[`${by}_low`]));
  const high = Math.max(0.05, ...rows.map((row) => row[`${by}_high`]));
  const bars = {
    type: "bar",
    orientation: "h",
    name: by,
    showlegend: false,
    y: rows.map((_, at) => at),
    x: rows.map((row) => row[by]),
    text: rows.map((row) => `${plain(shortened(row.param, 60))}<br>${three(row[by])} (${between(row[`${by}_low`], row[`${by}_high`])})`),
    textposition: "none",
    hovertemplate: "%{text}<extra></extra>",
    marker: { color: weak ? colours.line : colours.accent },
    error_x: { type: "data", symmetric: false, array: rows.map((row) => row[`${by}_high`] - row[by]), arrayminus: rows.map((row) => row[by] - row[`${by}_low`]), thickness: 1.4, width: 4, color: colours.strong },
  };
  const axis = { ...axisFrame(colours), fixedrange: true };
  const height = rows.length * ROW + 62;
  return {
    data: [bars],
    height,
    layout: {
      ...frameOf(colours),
      height,
      bargap: 0.36,
      margin: { l: 60, r: 16, t: 4, b: 44 },
      xaxis: { ...axis, exponentformat: "e", zeroline: true, zerolinecolor: colours.line, range: [low * 1.04, high * 1.04], title: { text: width < 560 ? "importance" : MEASURES[by].title, standoff: 6, font: { size: 11.5 } } },
      yaxis: { ...axis, showgrid: false, autorange: "reversed", tickmode: "array", tickvals: rows.map((_, at) => at), ticktext: rows.map((row) => plain(shortened(row.param, most))) },
    },
  };
}

/** The sentence, and the warnings of the server. */
export function words(found) {
  const { level, sentence } = fitOf(found);
  const tone = { nothing: "d-worse", little: "d-undecided", part: "d-equivalent", most: "d-better" }[level];
  const told = h("p", { class: `fit ${tone}`, id: "fit" }, h("strong", { text: `Explains ${level}` }), ` ${sentence}`);
  const { warnings } = found;
  return [told, warnings.length ? h("section", { class: "warnings", "aria-label": "Warnings" }, h("ul", {}, ...warnings.map((text) => h("li", { text })))) : null].filter(Boolean);
}

/** All numbers: params, pairs, and what was left out. */
export function tables(found, by) {
  const numbers = (text) => h("td", { class: "num", text });
  const heads = (texts) => h("thead", {}, h("tr", {}, ...texts.map((text, at) => h("th", { scope: "col", class: at ? "num" : null, text }))));
  const spread = (row, name) => [numbers(three(row[name])), numbers(between(row[`${name}_low`], row[`${name}_high`]))];
  const rows = ranked(found, by).map((row) =>
    h("tr", {}, h("th", { scope: "row", text: row.param }), ...spread(row, "permutation"), ...spread(row, "variance"), numbers(row.scale ? `${row.kind}, ${row.scale}` : row.kind), numbers(whole(row.distinct)), numbers(row.absent ? whole(row.absent) : "")),
  );
  const pairs = found.interactions.map((row) => h("tr", {}, h("th", { scope: "row", text: `${row.a} and ${row.b}` }), ...spread(row, "variance")));
  const scroller = (label, head, body) => h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": label }, h("table", {}, head, h("tbody", {}, ...body)));
  return [
    scroller("Importances", heads(["Param", "Permutation", "95 % of the trees", "Alone", "95 % of the trees", "Values", "Distinct", "Lack it"]), rows),
    pairs.length ? h("h4", { text: "What pairs explain beyond each alone" }) : null,
    pairs.length ? scroller("Pairs of params", heads(["Pair", "Share", "95 % of the trees"]), pairs) : null,
    found.left_out.length ? h("h4", { text: `Not looked at: ${whole(found.left_out.length)}` }) : null,
    found.left_out.length ? h("ul", { class: "unused" }, ...found.left_out.map(({ param, reason }) => h("li", {}, h("strong", { text: param }), h("span", { class: "dim", text: `: ${reason}` })))) : null,
  ].filter(Boolean);
}

/** Return a line a param, with a head. */
export function csvOf(found) {
  const names = ["permutation", "permutation_low", "permutation_high", "variance", "variance_low", "variance_high"];
  const lines = [["param", ...names, "kind", "scale", "distinct", "absent"].join(",")];
  for (const row of found.params) lines.push([cell(row.param), ...names.map((name) => row[name]), row.kind, row.scale ?? "", row.distinct, row.absent].join(","));
  return `${lines.join("\n")}\n`;
}
