// What is compared, as the address says it, and the request that asks it. Pure.
//
//   group=["name","filter"] (repeatable)   or   group_by=COLUMN (repeatable)   candidate=VALUE   sel=RUN,RUN
//   filter=FILTER   exp=ID (repeatable)   project=team/vision   metric=KEY   direction=higher|lower
//   reduction=…   paired_by=…   margin=…   test=…   test_share=…   alpha=…   power=…   missing=…
//
// The first group is the candidate. Names are those of the request, so that an address can be written by hand.

const TEXTS = ["candidate", "filter", "metric", "direction", "reduction", "paired_by", "margin", "test", "test_share", "alpha", "power", "missing"];
const NUMBERS = new Set(["margin", "test_share", "alpha", "power"]);

export const TESTS = [
  ["auto", "by the data"],
  ["welch", "Welch's t"],
  ["mann-whitney", "Mann–Whitney U"],
  ["permutation", "Permutation"],
  ["paired-t", "Paired t"],
  ["wilcoxon", "Wilcoxon signed-rank (paired)"],
  ["sign", "Sign (paired)"],
  ["corrected-t", "Corrected t, for splits of one data set (paired)"],
];

export function parseState(search) {
  const given = new URLSearchParams(search);
  const groups = given.getAll("group").map(parseGroup).filter(Boolean);
  const columns = given.getAll("group_by").map((name) => name.trim()).filter(Boolean);
  return {
    mode: groups.length && !columns.length ? "filters" : "columns",
    groups,
    group_by: columns,
    selected: (given.get("sel") ?? "").split(",").filter((id) => /^[0-9a-f]{32}$/.test(id)),
    experiments: given.getAll("exp").filter(Boolean),
    project: given.get("project"),
    ...Object.fromEntries(TEXTS.map((name) => [name, (given.get(name) ?? "").trim()])),
  };
}

export function formatState(state) {
  const given = new URLSearchParams();
  if (state.mode === "filters") for (const { name, filter } of state.groups) given.append("group", JSON.stringify([name, filter]));
  else for (const column of state.group_by) given.append("group_by", column);
  if (state.selected.length) given.set("sel", state.selected.join(","));
  if (state.project !== null) given.set("project", state.project);
  for (const id of state.experiments) given.append("exp", id);
  for (const name of TEXTS) if (state[name] && !(name === "candidate" && state.mode === "filters")) given.set(name, state[name]);
  return `?${given}`;
}

/** Say whether enough is given to ask. */
export function isComplete(state) {
  const groups = state.mode === "filters" ? state.groups.length > 1 : state.group_by.length > 0;
  return groups && state.metric !== "" && state.direction !== "";
}

/** Return the body of the request. A number that is none goes as it is: the server says what is wrong with it. */
export function requestOf(state) {
  const body = { filter: combined(state), experiment_ids: state.experiments };
  if (state.project !== null) body.project = state.project;
  if (state.mode === "filters") body.groups = state.groups.map(({ name, filter }) => ({ name: name || null, filter }));
  else body.group_by = state.group_by;
  for (const name of TEXTS) {
    if (name === "filter" || state[name] === "" || (name === "candidate" && state.mode === "filters")) continue;
    const value = Number(state[name]);
    body[name] = NUMBERS.has(name) && Number.isFinite(value) ? value : state[name];
  }
  return body;
}

/** Join the filter of all groups with the runs that were selected. */
function combined({ filter, selected, mode }) {
  if (!selected.length || mode === "filters") return filter;
  const chosen = selectedFilter(selected);
  return filter ? `(${filter}) AND ${chosen}` : chosen;
}

export const selectedFilter = (ids) => `attributes.run_id IN (${ids.map((id) => `'${id}'`).join(", ")})`;

const FIELD = /parameter '(groups)\[(\d+)\]|parameter '(\w+)|parameter (\w+)|^(alpha|power|margin|test|test_share|paired_by)\b|`\$\.(\w+)|no run is in the (group)/;

/** Return {name, number} of the field that an error of the server's is about; name is null where it says none. */
export function fieldOf(message) {
  const found = FIELD.exec(message);
  if (!found) return { name: null, number: null };
  if (found[1]) return { name: "groups", number: Number(found[2]) };
  return { name: found.slice(3).find(Boolean), number: null };
}

function parseGroup(text) {
  let read;
  try {
    read = JSON.parse(text);
  } catch {
    return null;
  }
  const isText = (value) => typeof value === "string";
  return Array.isArray(read) && read.length === 2 && read.every(isText) ? { name: read[0], filter: read[1] } : null;
}
