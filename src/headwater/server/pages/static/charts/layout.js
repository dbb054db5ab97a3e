// How a chart of one metric is laid out: axes, colours, the range.

import { shortened } from "../format.js";
import { pageColours } from "./colours.js";
import { isSingle, plain } from "./traces.js";

const TITLES = { step: "step", time: "time (UTC)", elapsed: "seconds since the start" };

/** Return what all layouts have in common. */
export function frameOf(colours) {
  const font = { family: colours.font, size: 11.5 };
  return {
    paper_bgcolor: colours.surface,
    plot_bgcolor: colours.surface,
    font: { ...font, color: colours.text },
    showlegend: false,
    hovermode: "closest",
    dragmode: false,
    hoverlabel: { bgcolor: colours.surface, bordercolor: colours.line, font: { ...font, color: colours.strong } },
  };
}

/** Return what axes have in common. */
export const axisFrame = (colours) => ({ gridcolor: colours.grid, zeroline: false, linecolor: colours.line, tickcolor: colours.line, tickfont: { size: 11 }, automargin: true });

/** Return Plotly's layout; `series` tell whether it is of bars. */
export function layoutOf(series, lines, state) {
  const colours = pageColours();
  const frame = frameOf(colours);
  // Powers would be raised by inline styles, which the policy forbids.
  const axis = { ...axisFrame(colours), exponentformat: "SI", minexponent: 4 };
  const layout = {
    ...frame,
    margin: { l: 50, r: 14, t: 6, b: 38 },
    hovermode: lines.length <= 12 ? "x unified" : "closest",
    hoverlabel: { ...frame.hoverlabel, namelength: 40 },
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    xaxis: { ...axis, showgrid: false, showline: true, spikecolor: colours.line, spikethickness: 1, spikedash: "solid", ticks: "outside", ticklen: 4, title: { text: TITLES[state.axis], standoff: 6, font: { size: 11.5 } } },
    yaxis: { ...axis, fixedrange: true, exponentformat: "e", nticks: 8, type: state.logy ? "log" : "linear" },
  };
  if (isSingle(series) && state.from === null && state.to === null) return barLayout(layout, lines, state);
  if (state.axis === "time") layout.xaxis.type = "date";
  else if (state.logx) layout.xaxis.type = "log";
  if (state.from !== null && state.to !== null) layout.xaxis.range = rangeOf(state);
  return layout;
}

function barLayout(layout, lines, state) {
  const named = lines.length <= 16;
  return {
    ...layout,
    hovermode: "closest",
    dragmode: false,
    bargap: lines.length > 4 ? 0.35 : 0.6,
    xaxis: { ...layout.xaxis, showgrid: true, fixedrange: true, title: undefined, type: state.logy ? "log" : "linear" },
    yaxis: {
      ...layout.yaxis,
      type: "linear",
      autorange: "reversed",
      tickmode: "array",
      tickvals: named ? lines.map((line) => line.index) : [],
      ticktext: named ? lines.map((line) => plain(shortened(line.name, 24))) : [],
    },
  };
}

function rangeOf({ axis, logx, from, to }) {
  if (axis === "time") return [new Date(from).toISOString(), new Date(to).toISOString()];
  if (!logx) return [from, to];
  return [Math.log10(Math.max(from, 1e-9)), Math.log10(Math.max(to, 1e-9))];
}

/** Return [from, to] that a drag over a chart chose, or null where it chose none. */
export function draggedRange(event, state) {
  const range = event["xaxis.range"] ?? [event["xaxis.range[0]"], event["xaxis.range[1]"]];
  if (range[0] === undefined || range[1] === undefined) return null;
  if (state.axis === "time") return range.map((at) => Math.round(typeof at === "number" ? at : Date.parse(`${at.replace(" ", "T")}Z`)));
  const places = state.logx ? range.map((at) => 10 ** at) : range.map(Number);
  return places.map((at) => Number(at.toPrecision(6)));
}
