// What the compared runs are called, and where they are.

import { listProjects, searchTable, some } from "../api.js";
import { selectedFilter } from "./state.js";

const AT_ONCE = 200;
const MOST = 2000;

/** Return {name, experiment} by id; of runs beyond the first 2,000 the id must do. */
export async function loadNames(verdict, { experiments }, signal) {
  const where = experiments.length ? experiments : ((await listProjects()).experiments ?? []).map(({ experiment_id: id }) => id);
  const ids = verdict.groups.flatMap(({ runs }) => runs.map(({ run_id: id }) => id)).slice(0, MOST);
  const parts = Array.from({ length: Math.ceil(ids.length / AT_ONCE) }, (_, at) => ids.slice(at * AT_ONCE, (at + 1) * AT_ONCE));
  const found = new Map();
  await some(3, parts, async (part) => {
    const body = { experiment_ids: where, filter: selectedFilter(part), attributes: ["run_id", "run_name", "experiment_id"], max_results: AT_ONCE };
    const { columns } = await searchTable(body, signal);
    columns.run_id.forEach((id, at) => found.set(id, { name: columns.run_name[at], experiment: columns.experiment_id[at] }));
  });
  return found;
}
