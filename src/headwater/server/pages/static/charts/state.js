// What the charts page shows, as its address says it. Pure.
//
//   run=ID (repeatable)   metric=KEY (repeatable)   axis=step|time|elapsed   logx=1 logy=1   smooth=0.6
//   group=params.KEY (repeatable)   band=range|sd   from=X to=X   hide=ID (repeatable)   live=0
//
// A range is in steps, in milliseconds since 1970, or in seconds since a run's start.

export const MOST_RUNS = 100;
const AXES = ["step", "time", "elapsed"];
const BANDS = ["range", "sd"];

export function parseState(search) {
  const given = new URLSearchParams(search);
  const one = (name, allowed) => (allowed.includes(given.get(name)) ? given.get(name) : allowed[0]);
  const range = [limit(given.get("from")), limit(given.get("to"))];
  return {
    runs: ids(given.getAll("run")).slice(0, MOST_RUNS),
    dropped: Math.max(0, ids(given.getAll("run")).length - MOST_RUNS),
    metrics: given.has("metric") ? given.getAll("metric").filter(Boolean) : null,
    axis: one("axis", AXES),
    logx: given.get("logx") === "1",
    logy: given.get("logy") === "1",
    smooth: Math.max(0, Math.min(0.99, Number(given.get("smooth")) || 0)),
    groups: given.getAll("group").filter((name) => /^(params|tags)\./.test(name)),
    band: one("band", BANDS),
    from: range[0],
    to: range[1],
    hidden: ids(given.getAll("hide")),
    live: given.get("live") !== "0",
  };
}

export function formatState(state) {
  const given = new URLSearchParams();
  for (const id of state.runs) given.append("run", id);
  if (state.metrics !== null) for (const key of state.metrics.length ? state.metrics : [""]) given.append("metric", key);
  if (state.axis !== AXES[0]) given.set("axis", state.axis);
  if (state.logx) given.set("logx", "1");
  if (state.logy) given.set("logy", "1");
  if (state.smooth) given.set("smooth", String(state.smooth));
  for (const name of state.groups) given.append("group", name);
  if (state.band !== BANDS[0]) given.set("band", state.band);
  if (state.from !== null) given.set("from", String(state.from));
  if (state.to !== null) given.set("to", String(state.to));
  for (const id of state.hidden) given.append("hide", id);
  if (!state.live) given.set("live", "0");
  return `?${given}`;
}

export const nextAxis = (axis) => AXES[(AXES.indexOf(axis) + 1) % AXES.length];

const ids = (texts) => [...new Set(texts.filter((text) => /^[0-9a-f]{32}$/.test(text)))];

function limit(text) {
  if (text === null || text.trim() === "") return null;
  return Number.isFinite(Number(text)) ? Number(text) : null;
}
