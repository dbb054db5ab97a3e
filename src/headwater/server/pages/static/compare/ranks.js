// The critical-difference diagram: mean ranks on a line, and bars that join groups which do not differ.
// After Demšar, JMLR 7 (2006), 1-30; the best is at the left.

import { pageColours, styleOf } from "../charts/colours.js";
import { frameOf } from "../charts/layout.js";
import { plain } from "../charts/traces.js";
import { number, shortened } from "../format.js";

const LETTER = 6.4;

/** Return {data, layout, height} for Plotly; `labels` are short names by group. */
export function ranksFigure({ names, mean_ranks: ranks, difference, cliques }, labels, order, width) {
  const colours = pageColours();
  const count = names.length;
  const left = Math.ceil(count / 2);
  const bars = cliques.length * 0.32;
  const side = Math.max(80, Math.min(190, (width - 110) / 2));
  const most = Math.max(4, Math.floor((side - 10) / LETTER) - 7);
  const levelOf = (at) => bars + 0.7 * (at < left ? at + 1 : count - at);
  const data = [];
  const annotations = [];
  const line = (x, y, colour, width, more = {}) => data.push({ type: "scatter", showlegend: false, mode: "lines", x, y, hoverinfo: "skip", cliponaxis: false, line: { color: colour, width }, ...more });
  line([1, count], [0, 0], colours.text, 1.3);
  for (let rank = 1; rank <= count; rank++) {
    line([rank, rank], [0, 0.16], colours.text, 1.3);
    annotations.push({ x: rank, y: 0.18, text: String(rank), showarrow: false, yanchor: "bottom", font: { size: 11 } });
  }
  names.forEach((name, at) => {
    const first = at < left;
    const end = first ? 1 : count;
    line([ranks[at], ranks[at], end], [0, -levelOf(at), -levelOf(at)], colours.line, 1.2);
    annotations.push({
      x: end,
      y: -levelOf(at),
      xshift: first ? -5 : 5,
      text: `${plain(shortened(labels.get(name) ?? name, most))}  ${ranks[at].toFixed(2)}`,
      showarrow: false,
      xanchor: first ? "right" : "left",
      font: { size: 11.5, color: colours.strong },
    });
  });
  cliques.forEach((clique, at) => {
    const places = clique.map((name) => ranks[names.indexOf(name)]);
    const y = -0.3 - 0.32 * at;
    line([Math.min(...places) - 0.03, Math.max(...places) + 0.03], [y, y], colours.strong, 5, { name: "no difference" });
  });
  data.push({
    type: "scatter",
    showlegend: false,
    mode: "markers",
    name: "mean ranks",
    x: ranks,
    y: ranks.map(() => 0),
    text: names.map((name, at) => `${plain(shortened(name, 60))}<br>mean rank ${number(ranks[at])}`),
    hovertemplate: "%{text}<extra></extra>",
    cliponaxis: false,
    marker: { size: 9, color: names.map((name) => styleOf(order.indexOf(name)).colour) },
  });
  if (difference !== null) {
    const end = Math.min(count, 1 + difference);
    line([1, end], [1.05, 1.05], colours.text, 2, { mode: "lines+markers", marker: { symbol: "line-ns-open", size: 8, color: colours.text, line: { width: 2 } } });
    const more = 1 + difference > count ? ", more than the whole range" : "";
    annotations.push({ x: 1, y: 1.12, text: `critical difference ${number(Number(difference.toPrecision(3)))}${more}`, showarrow: false, xanchor: "left", yanchor: "bottom", font: { size: 11 } });
  }
  const depth = bars + 0.7 * left + 0.4;
  const none = { visible: false, fixedrange: true };
  const height = Math.round((depth + 1.7) * 42) + 12;
  return {
    data,
    height,
    layout: {
      ...frameOf(colours),
      height,
      margin: { l: side, r: side, t: 6, b: 6 },
      annotations,
      xaxis: { ...none, range: [0.95, count + 0.05] },
      yaxis: { ...none, range: [-depth, 1.7] },
    },
  };
}
