// Each run's value by group, ready to be drawn or saved. Pure.

import { cell } from "../charts/export.js";
import { sharedPrefix } from "./words.js";

/** Return {name, label, runs, mean} of each group; runs that are not compared are marked, and not in the mean. */
export function groupsOf(verdict, runs) {
  const prefix = sharedPrefix(verdict.groups.map(({ name }) => name));
  const unused = new Set(verdict.unused.map(({ run_id: id }) => id));
  return verdict.groups.map((group, index) => {
    const shown = group.runs
      .filter(({ value }) => value !== null)
      .map((run) => ({ id: run.run_id, name: runs.get(run.run_id)?.name || run.run_id, value: run.value, pair: run.pair ?? null, used: !unused.has(run.run_id) }));
    const used = shown.filter((run) => run.used);
    const own = used.length ? used.reduce((sum, { value }) => sum + value, 0) / used.length : null;
    // Of two groups those of the comparison, from which the difference is measured: of pairs, where runs are paired.
    const mean = verdict.comparisons.length === 1 ? verdict.comparisons[0].means[index] : own;
    return { name: group.name, label: group.name.slice(prefix.length), runs: shown, mean };
  });
}

/** Return, of each pair, its mean value in every group, null where a group has none; most pairs first to last. */
export function pairsOf(groups) {
  const pairs = new Map();
  groups.forEach(({ runs }, at) => {
    for (const { pair, value, used } of runs) {
      if (pair === null || !used) continue;
      if (!pairs.has(pair)) pairs.set(pair, groups.map(() => []));
      pairs.get(pair)[at].push(value);
    }
  });
  const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);
  return [...pairs].map(([pair, values]) => ({ pair, values: values.map(mean) })).filter(({ values }) => values.filter((value) => value !== null).length > 1);
}

/** How far to the side each of several points stands, so that they do not hide each other: in order of the values. */
export function spread(values) {
  const order = values.map((_, at) => at).sort((a, b) => values[a] - values[b]);
  const places = new Array(values.length);
  order.forEach((at, rank) => (places[at] = values.length < 2 ? 0 : (((rank + 1) * 0.618034) % 1) * 0.36 - 0.18));
  return places;
}

/** Return a line a run, with a head. */
export function csvOf(verdict, runs) {
  const unused = new Map(verdict.unused.map(({ run_id: id, reason }) => [id, reason]));
  const lines = ["group,run_id,run_name,pair,value,status,last_step,duration_ms,unused"];
  for (const { name, runs: all } of verdict.groups)
    for (const { run_id: id, value, pair, status, steps, duration } of all)
      lines.push([cell(name), id, cell(runs.get(id)?.name ?? ""), cell(pair ?? ""), value ?? "", status ?? "FINISHED", steps ?? "", duration ?? "", cell(unused.get(id) ?? "")].join(","));
  return `${lines.join("\n")}\n`;
}
