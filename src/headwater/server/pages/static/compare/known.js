// What the newest runs have: names to choose from. There may be others, which can be typed.

import { listProjects, searchRuns } from "../api.js";
import { selectedFilter } from "./state.js";

const SAMPLE = 200;
const FEW = 12;
const LIKE_A_SEED = /(^|[._/-])(seed|random_state|fold|split)s?([._/-]|$)/i;

/** Return the experiments that there are, and the keys and values of runs of those that are chosen. */
export async function loadKnown({ experiments, project, selected }) {
  const all = (await listProjects()).experiments ?? [];
  const inside = ({ project: path }) => project === null || project === "" || path === project || path.startsWith(`${project}/`);
  const ids = experiments.length ? experiments : all.filter(inside).map(({ experiment_id: id }) => id);
  const body = { experiment_ids: ids.slice(0, 1000), max_results: SAMPLE, run_view_type: "ACTIVE_ONLY" };
  if (selected.length) body.filter = selectedFilter(selected.slice(0, SAMPLE));
  const runs = ids.length ? ((await searchRuns(body)).runs ?? []) : [];
  return { experiments: all, ...namesOf(runs) };
}

/** Return the metrics by how many runs have them, and each column's values with the count of their runs; pure. */
export function namesOf(runs) {
  const metrics = new Map();
  const columns = new Map();
  for (const { data } of runs) {
    for (const { key } of data?.metrics ?? []) metrics.set(key, (metrics.get(key) ?? 0) + 1);
    for (const kind of ["params", "tags"])
      for (const { key, value } of data?.[kind] ?? []) {
        if (key.startsWith("mlflow.")) continue;
        const name = `${kind}.${key}`;
        if (!columns.has(name)) columns.set(name, new Map());
        const values = columns.get(name);
        values.set(value, (values.get(value) ?? 0) + 1);
      }
  }
  const isSystem = (key) => Number(key.startsWith("system/"));
  const sorted = [...metrics].sort(([a, n], [b, m]) => isSystem(a) - isSystem(b) || m - n || (a < b ? -1 : 1));
  return { metrics: sorted.map(([key]) => key), columns };
}

/**
 * Guess what divides selected runs into groups, and what pairs them; pure.
 *
 * A column divides well that has few values, each with several runs. What looks like a seed pairs.
 */
export function guess({ columns }) {
  const telling = [...columns].filter(([, values]) => values.size > 1);
  const seed = telling.find(([name]) => LIKE_A_SEED.test(name));
  const divides = telling
    .filter(([name, values]) => name !== seed?.[0] && values.size <= FEW && Math.min(...values.values()) > 1)
    .sort(([a, one], [b, other]) => one.size - other.size || (a < b ? -1 : 1));
  return { group_by: divides[0]?.[0] ?? null, paired_by: divides.length && seed ? seed[0] : null };
}

export const guessOf = (runs) => guess(namesOf(runs));

/** Guess from its name whether a higher value of a metric is better; null where the name does not tell. */
export function direction(metric) {
  if (/loss|error|perplexity|rmse|\bm[as]e\b|latency|seconds|time|fid\b|wer\b|nll/i.test(metric)) return "lower";
  if (/acc|f1|auc|precision|recall|score|bleu|rouge|r2|return|reward|iou|\bmap\b|throughput/i.test(metric)) return "higher";
  return null;
}
