// Which params, metrics and tags there are: those of the newest runs. There may be others, which can be typed.

import { searchRuns } from "../api.js";

const SAMPLE = 40;
const USUAL = 4;
const SHORT = 24;

/** Return the keys of the newest runs that match a filter, the most telling first, and each one's number of values. */
export async function sampleKeys(experimentIds, signal, filter = "") {
  const body = { experiment_ids: experimentIds, filter, max_results: SAMPLE, run_view_type: "ACTIVE_ONLY" };
  const runs = experimentIds.length ? ((await searchRuns(body, signal)).runs ?? []) : [];
  return keysOf(runs);
}

/** Pure part of `sampleKeys`. */
export function keysOf(runs) {
  const found = { metrics: new Map(), params: new Map(), tags: new Map() };
  for (const { data } of runs)
    for (const kind of Object.keys(found))
      for (const { key, value } of data?.[kind] ?? []) {
        if (kind === "tags" && key.startsWith("mlflow.")) continue;
        const entry = found[kind].get(key) ?? { key, runs: 0, values: new Set(), short: true, numeric: true };
        entry.runs += 1;
        entry.short &&= String(value).length <= SHORT;
        entry.numeric &&= String(value).trim() !== "" && Number.isFinite(Number(value));
        if (entry.values.size < 100) entry.values.add(value);
        found[kind].set(key, entry);
      }
  const sorted = (kind, better) => [...found[kind].values()].sort((a, b) => better(a, b) || compare(a.key, b.key));
  return {
    runs: runs.length,
    metrics: sorted("metrics", (a, b) => isSystem(a) - isSystem(b) || b.runs - a.runs).map(named),
    params: sorted("params", (a, b) => tells(b) - tells(a) || b.runs - a.runs).map(named),
    tags: sorted("tags", (a, b) => b.runs - a.runs).map(named),
  };
}

const isSystem = (entry) => Number(entry.key.startsWith("system/"));
const tells = (entry) => Number(entry.values.size > 1) + Number(entry.values.size > 1 && entry.short);
const named = (entry) => ({ key: entry.key, values: entry.values.size, short: entry.short, numeric: entry.numeric });
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** Return the columns of a table for which none were chosen. */
export function usualColumns(keys, severalExperiments) {
  return [
    "status",
    ...(severalExperiments ? ["experiment_id"] : []),
    "start_time",
    "duration",
    ...keys.metrics.filter(({ key }) => !key.startsWith("system/")).slice(0, USUAL).map(({ key }) => `metrics.${key}`),
    ...keys.params.filter(({ values, short }) => values > 1 && short).slice(0, USUAL).map(({ key }) => `params.${key}`),
  ];
}

/** Return the facets of a page for which none were chosen. */
export function usualFacets(keys) {
  const telling = keys.params.filter(({ values, short }) => values > 1 && values <= 12 && short).slice(0, 2);
  const metric = keys.metrics.find(({ key }) => !key.startsWith("system/"));
  return [
    "status",
    ...telling.map(({ key }) => `params.${key}`),
    ...(metric ? [`metrics.${metric.key}`] : []),
  ];
}
