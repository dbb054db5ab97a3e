// Performance profiles: of each group, the share of runs that are better than a threshold, as steps, with bands.
// After Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice, NeurIPS 2021.

import { faint, pageColours, styleOf } from "../charts/colours.js";
import { plain } from "../charts/traces.js";
import { shortened } from "../format.js";

const LETTER = 6.4;
const MOST_BANDS = 6;
const MOST_NAMED = 10;
const ROW = 21;

/** What the picture shows, in a sentence or two. */
export function profilesNote({ tasks, level, groups }, question) {
  const side = question.direction === "higher" ? "above" : "below";
  const over = tasks > 1 ? `, the ${tasks} values of ${question.paired_by} counting alike as tasks; they are compared as they are, so their scores must be on one scale` : "";
  const whose = groups.length > MOST_BANDS ? "The band, of the candidate alone," : "A band";
  return `The share of a group's runs whose ${question.metric} is ${side} a threshold${over}. The higher curve is better there. ${whose} is the ${Number((level * 100).toPrecision(6))} % interval at each threshold by itself, by resampling runs. The verdict does not rest on it.`;
}

/** Return {data, layout, height} for Plotly; `labels` are short names by group, `order` the names of all groups. */
export function profilesFigure(profiles, question, labels, order, width) {
  const colours = pageColours();
  const higher = question.direction === "higher";
  const { thresholds, groups } = profiles;
  const [least, most] = [thresholds[0], thresholds.at(-1)];
  const room = (most - least) * 0.04 || Math.abs(least) * 0.05 || 1;
  const ends = [least - room, most + room];
  // Beyond the values all runs are better than a threshold, or none.
  const x = [ends[0], ...thresholds, ends[1]];
  const full = (shares) => (higher ? [1, ...shares, 0] : [0, ...shares, 1]);
  const shape = higher ? "hv" : "vh";
  const data = [];
  // Of very many groups the candidate is to be seen among the others, which have their names at the pointer.
  const crowded = groups.length > MOST_NAMED;
  let others = 0;
  for (const { name, share, low, high } of groups) {
    const at = order.indexOf(name);
    const { colour, dash } = crowded && at > 0 ? { colour: colours.line, dash: "solid" } : styleOf(at);
    const label = plain(shortened(labels.get(name) ?? name, 40));
    if (groups.length <= MOST_BANDS || at === 0) {
      const edge = { type: "scatter", mode: "lines", x, line: { width: 0, color: colour, shape }, hoverinfo: "skip", showlegend: false, name: `band of ${label}` };
      data.push({ ...edge, y: full(low) }, { ...edge, y: full(high), fill: "tonexty", fillcolor: faint(colour, 0.14) });
    }
    const side = higher ? "above" : "below";
    const named = !crowded || at === 0 || others++ === 0;
    data.push({ type: "scatter", mode: "lines", x, y: full(share), name: crowded && at > 0 ? "the others" : label, showlegend: named, legendrank: 1000 + at, line: { color: colour, width: at === 0 ? 2.6 : crowded ? 1.2 : 1.8, dash, shape }, hovertemplate: `${label}<br>%{y:.0%} of runs ${side} %{x:.5~g}<extra></extra>` });
  }
  // The candidate above all others.
  if (order.indexOf(groups[0].name) === 0) data.push(...data.splice(0, 3));
  const shown = crowded ? groups.slice(0, 2) : groups;
  const longest = Math.max(...shown.map(({ name }) => Math.min(40, (labels.get(name) ?? name).length)));
  const columns = Math.max(1, Math.floor((width - 70) / (longest * LETTER + 48)));
  const legend = Math.ceil(shown.length / columns) * ROW;
  const height = 300 + legend;
  const axis = { gridcolor: colours.grid, zeroline: false, exponentformat: "e", linecolor: colours.line, tickcolor: colours.line, tickfont: { size: 11 }, fixedrange: true, automargin: true };
  const title = (text) => ({ text: plain(text), standoff: 8, font: { size: 11.5 } });
  return {
    data,
    height,
    layout: {
      height,
      paper_bgcolor: colours.surface,
      plot_bgcolor: colours.surface,
      font: { family: colours.font, size: 11.5, color: colours.text },
      margin: { l: 56, r: 16, t: 10 + legend, b: 46 },
      showlegend: true,
      legend: { orientation: "h", traceorder: "normal", x: 0, xanchor: "left", y: 1, yanchor: "bottom", itemclick: false, itemdoubleclick: false, font: { color: colours.strong } },
      hovermode: "closest",
      dragmode: false,
      hoverlabel: { bgcolor: colours.surface, bordercolor: colours.line, font: { family: colours.font, size: 11.5, color: colours.strong }, align: "left" },
      xaxis: { ...axis, showline: true, range: ends, title: title(`threshold of ${shortened(question.metric, 40)}`) },
      yaxis: { ...axis, range: [-0.02, 1.02], tickformat: ".0%", title: title(`runs ${higher ? "above" : "below"} it`) },
    },
  };
}
