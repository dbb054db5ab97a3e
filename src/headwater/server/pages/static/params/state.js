// What the page of params shows, as its address says it. Pure.
//
//   project, exp (repeatable), q    as on the runs page
//   metric=KEY   direction=max|min   reduction=…   by=permutation|variance
//   axis=params.lr (repeatable, in their order)   log=FIELD, linear=FIELD (repeatable)
//   b=["params.lr",0.001,0.01,"out"] or b=["params.optimizer",["adam",null]] (repeatable)
//   obj=acc:max (repeatable)   x=KEY   y=KEY
//
// A brush of numbers says what becomes of the runs without one: "in", "out" or "only" they.

export const MEASURES = ["permutation", "variance"];
export const DIRECTIONS = ["max", "min"];
const NONE = ["out", "in", "only"];
const MOST_AXES = 30;
const MOST_OBJECTIVES = 10;

export function parseState(search) {
  const given = new URLSearchParams(search);
  const one = (name, allowed) => (allowed.includes(given.get(name)) ? given.get(name) : null);
  const text = (name) => (given.get(name) ?? "").trim();
  const axes = [...new Set(given.getAll("axis").filter(isAxis))].slice(0, MOST_AXES);
  const scales = {};
  for (const scale of ["log", "linear"]) for (const field of given.getAll(scale)) scales[field] = scale;
  const objectives = given.getAll("obj").map(parseObjective).filter(Boolean);
  return {
    project: given.get("project"),
    experiments: given.getAll("exp").filter(Boolean),
    q: given.get("q") ?? "",
    metric: text("metric"),
    direction: one("direction", DIRECTIONS),
    reduction: text("reduction"),
    by: one("by", MEASURES) ?? MEASURES[0],
    axes: given.has("axis") ? axes : null,
    scales,
    brushes: given.getAll("b").map(parseBrush).filter(Boolean),
    objectives: objectives.filter(({ metric }, at) => objectives.findIndex((other) => other.metric === metric) === at).slice(0, MOST_OBJECTIVES),
    x: text("x"),
    y: text("y"),
  };
}

export function formatState(state) {
  const given = new URLSearchParams();
  if (state.project !== null) given.set("project", state.project);
  for (const id of state.experiments) given.append("exp", id);
  for (const name of ["q", "metric", "direction", "reduction"]) if (state[name]) given.set(name, state[name]);
  if (state.by !== MEASURES[0]) given.set("by", state.by);
  // An empty one says that no axis is wanted, which is not the same as the usual ones.
  if (state.axes !== null) for (const field of state.axes.length ? state.axes : [""]) given.append("axis", field);
  for (const [field, scale] of Object.entries(state.scales)) given.append(scale, field);
  for (const brush of state.brushes) given.append("b", JSON.stringify(brush.values ? [brush.field, brush.values] : [brush.field, brush.from, brush.to, brush.none]));
  for (const { metric, direction } of state.objectives) given.append("obj", `${metric}:${direction}`);
  for (const name of ["x", "y"]) if (state[name]) given.set(name, state[name]);
  const text = given.toString();
  return text ? `?${text}` : "";
}

/** Say whether a field can be an axis. */
export const isAxis = (field) => /^(metrics|params|tags)\../s.test(field) || field === "duration";

function parseObjective(text) {
  const found = /^(.+):(max|min)$/s.exec(text);
  return found ? { metric: found[1], direction: found[2] } : null;
}

function parseBrush(text) {
  let read;
  try {
    read = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(read) || typeof read[0] !== "string" || !isAxis(read[0])) return null;
  const [field, first, second, none = NONE[0]] = read;
  if (Array.isArray(first)) return first.every((value) => value === null || typeof value === "string") ? { field, values: first } : null;
  const isLimit = (value) => value === null || Number.isFinite(value);
  return isLimit(first) && isLimit(second ?? null) && NONE.includes(none) ? { field, from: first, to: second ?? null, none } : null;
}
