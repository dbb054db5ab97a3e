// What is shown where nothing was chosen: guessed from the keys of the newest runs. Pure.

import { direction } from "../compare/known.js";

const USUAL_AXES = 6;
const MOST_TEXTS = 12;
const UNSEEN = /(^|[._/-])(val|valid|validation|test|eval)([._/-]|$)/i;

/** Guess from its name whether more of a metric is better. */
export const sideOf = (metric) => (direction(metric) === "lower" ? "min" : "max");

/** Return the state with metric, direction, axes and objectives filled in. */
export function settledOf(state, keys) {
  const metrics = keys.metrics.map(({ key }) => key);
  const metric = state.metric || usualMetric(metrics);
  const better = state.direction ?? sideOf(metric);
  return {
    ...state,
    metric,
    direction: better,
    reduction: state.reduction || "last",
    axes: state.axes ?? usualAxes(keys, metric),
    objectives: state.objectives.length ? state.objectives : usualObjectives(metrics, metric, better),
  };
}

/** A metric of which its name says what is better, of unseen data first. */
function usualMetric(metrics) {
  const known = metrics.filter((key) => direction(key) !== null);
  return known.find((key) => UNSEEN.test(key)) ?? known[0] ?? metrics[0] ?? "";
}

/** The params that tell runs apart, and the metric at the right end. */
function usualAxes({ params }, metric) {
  const telling = params.filter(({ values, short, numeric }) => values > 1 && short && (numeric || values <= MOST_TEXTS));
  return [...telling.slice(0, USUAL_AXES).map(({ key }) => `params.${key}`), `metrics.${metric}`];
}

/** The metric, and one that is not said of the same data, such as a latency beside an accuracy. */
function usualObjectives(metrics, metric, better) {
  const first = metric ? [{ metric, direction: better }] : [];
  const others = metrics.filter((key) => key !== metric && !key.startsWith("system/"));
  const apart = others.filter((key) => !metric.includes("/") || key.split("/")[0] !== metric.split("/")[0]);
  const other = apart.find((key) => direction(key) !== null) ?? apart[0] ?? others[0];
  return other === undefined ? first : [...first, { metric: other, direction: sideOf(other) }];
}
