// What the runs page shows, as its address says it. Pure.
//
//   project=team/vision   exp=12 (repeatable)   q=FILTER   sort=metrics.loss:asc   col=metrics.loss (repeatable)
//   f=["params.model",["cnn"]] or ["metrics.loss",0,1]   facet=params.model (repeatable)   sel=RUN,RUN
//   page=TOKEN

export const DEFAULT_SORT = { field: "start_time", descending: true };

export function parseState(search) {
  const given = new URLSearchParams(search);
  return {
    project: given.get("project"),
    experiments: given.getAll("exp"),
    q: given.get("q") ?? "",
    sort: parseSort(given.get("sort")),
    columns: given.has("col") ? given.getAll("col").filter(Boolean) : null,
    shown: given.has("facet") ? given.getAll("facet").filter(Boolean) : null,
    facets: given.getAll("f").map(parseFacet).filter(Boolean),
    selected: (given.get("sel") ?? "").split(",").filter((id) => /^[0-9a-f]{32}$/.test(id)),
    page: given.get("page") ?? "",
  };
}

export function formatState(state) {
  const given = new URLSearchParams();
  if (state.project !== null) given.set("project", state.project);
  for (const id of state.experiments) given.append("exp", id);
  if (state.q) given.set("q", state.q);
  const { field, descending } = state.sort;
  if (field !== DEFAULT_SORT.field || descending !== DEFAULT_SORT.descending)
    given.set("sort", `${field}:${descending ? "desc" : "asc"}`);
  // An empty one says that none is wanted, which is not the same as the usual ones.
  for (const name of nonEmpty(state.columns)) given.append("col", name);
  for (const name of nonEmpty(state.shown)) given.append("facet", name);
  for (const facet of state.facets) {
    const rest = facet.values ? [facet.values] : [facet.from, facet.to];
    given.append("f", JSON.stringify([facet.field, ...rest]));
  }
  if (state.selected.length) given.set("sel", state.selected.join(","));
  if (state.page) given.set("page", state.page);
  const text = given.toString();
  return text ? `?${text}` : "";
}

function nonEmpty(names) {
  if (names === null) return [];
  return names.length ? names : [""];
}

function parseSort(text) {
  const match = /^(.+):(asc|desc)$/s.exec(text ?? "");
  return match ? { field: match[1], descending: match[2] === "desc" } : DEFAULT_SORT;
}

function parseFacet(text) {
  let read;
  try {
    read = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(read) || typeof read[0] !== "string") return null;
  const [field, first, second] = read;
  if (Array.isArray(first) && first.every((value) => value === null || typeof value === "string"))
    return { field, values: first };
  const isLimit = (value) => value === null || Number.isFinite(value);
  return read.length === 3 && isLimit(first) && isLimit(second) ? { field, from: first, to: second } : null;
}
