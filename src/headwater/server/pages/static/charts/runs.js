// The runs of the charts page: what they are called, when they began, what they have.

import { ApiError, getRun, some } from "../api.js";

/** Return the runs that there are, in the order asked for. */
export async function loadRuns(ids) {
  const found = await some(6, ids, (id) => getRun(id).catch(gone));
  return found.filter(Boolean).map(({ run }) => readable(run));
}

function gone(error) {
  if (error instanceof ApiError && error.status === 404) return null;
  throw error;
}

function readable({ info, data }) {
  const facts = new Map();
  for (const kind of ["params", "tags"])
    for (const { key, value } of data[kind] ?? []) facts.set(`${kind}.${key}`, value);
  return {
    id: info.run_id,
    name: info.run_name || info.run_id,
    status: info.status,
    start: Number(info.start_time),
    facts,
    metrics: new Map((data.metrics ?? []).map(({ key, step }) => [key, Number(step ?? 0)])),
  };
}

/** Return all metrics, curves first, then by how many runs have them; what the machine did comes last. */
export function metricsOf(runs) {
  const found = new Map();
  for (const run of runs)
    for (const [key, step] of run.metrics) {
      const entry = found.get(key) ?? { key, runs: 0, curve: false };
      entry.runs += 1;
      entry.curve ||= step > 0;
      found.set(key, entry);
    }
  const rank = ({ key, curve, runs: count }) => [key.startsWith("system/") ? 1 : 0, curve ? 0 : 1, -count];
  return [...found.values()].sort((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    const at = left.findIndex((value, index) => value !== right[index]);
    return at < 0 ? a.key.localeCompare(b.key, "en", { numeric: true }) : left[at] - right[at];
  });
}

/** Return what the runs differ in, or at least have: what may part them into groups. */
export function groupable(runs) {
  const values = new Map();
  for (const run of runs)
    for (const [name, value] of run.facts) {
      if (name.startsWith("tags.mlflow.")) continue;
      if (!values.has(name)) values.set(name, new Set());
      values.get(name).add(value);
    }
  const names = [...values.keys()].sort((a, b) => a.localeCompare(b));
  return [names.filter((name) => values.get(name).size > 1), names.filter((name) => values.get(name).size === 1)];
}
