// Points of the runs and metrics shown: thinned out by the server, which keeps every extreme.

import { getSeries, some } from "../api.js";

const MOST_SERIES = 1000;
const MOST_KEYS = 20;
const SHARED = 60_000;
const LARGEST = 1.7976931348623157e308;
const MARGIN = 0.02;

/** How many points of each series to ask for; pure. */
export function pointsEach(series) {
  return Math.max(120, Math.min(1000, Math.floor(SHARED / Math.max(1, series))));
}

/** The requests for series, as lists of query parameters; pure. */
export function seriesQueries(runs, keys, state) {
  const axis = state.axis === "step" ? "step" : "time";
  const points = String(pointsEach(runs.length * keys.length));
  const zoomed = state.from !== null || state.to !== null;
  // What has passed since the start is another range of time for each run.
  const batches = state.axis === "elapsed" && zoomed ? runs.map((run) => [run]) : [runs];
  const each = Math.max(1, Math.min(MOST_KEYS, Math.floor(MOST_SERIES / Math.max(1, runs.length))));
  const queries = [];
  for (const batch of batches)
    for (let at = 0; at < keys.length; at += each) {
      const query = [["axis", axis], ["points", points], ...limits(state, batch[0])];
      for (const run of batch) query.push(["run_id", run.id]);
      for (const key of keys.slice(at, at + each)) query.push(["key", key]);
      queries.push(query);
    }
  return queries;
}

/** The range with a little around it, so that lines go on to the edges. */
function limits({ axis, from, to }, run) {
  const around = from !== null && to !== null ? (to - from) * MARGIN : 0;
  const place = (value, round) => {
    if (axis === "elapsed") return round(run.start + value * 1000);
    return round(value);
  };
  const found = [];
  if (from !== null) found.push(["start", String(place(from - around, Math.floor))]);
  if (to !== null) found.push(["end", String(place(to + around, Math.ceil))]);
  return found;
}

/** Return {run, key, total, x, y, steps, timestamps, infinite} of every series that has points. */
export async function loadSeries(runs, keys, state, signal) {
  if (!runs.length || !keys.length) return [];
  const byId = new Map(runs.map((run) => [run.id, run]));
  const answers = await some(4, seriesQueries(runs, keys, state), (query) => getSeries(query, signal));
  return answers.flatMap(({ series }) => series).map((found) => readable(found, byId.get(found.run_id), state.axis));
}

function readable({ key, total, steps, timestamps, values }, run, axis) {
  const places = {
    step: () => steps,
    time: () => timestamps,
    elapsed: () => timestamps.map((at) => (at - run.start) / 1000),
  };
  const isInfinite = (value) => value !== null && Math.abs(value) >= LARGEST;
  return {
    run,
    key,
    total,
    steps,
    timestamps,
    x: places[axis](),
    y: values.map((value) => (isInfinite(value) ? null : value)),
    infinite: values.filter(isInfinite).length,
  };
}
