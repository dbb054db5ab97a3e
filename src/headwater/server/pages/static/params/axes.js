// Columns of runs as axes: where each value lies, from 0 at the bottom to 1 at the top. Pure.

import { number } from "../format.js";
import { fieldLabel, parseField, spelled } from "../runs/fields.js";

const LARGEST = 1.7976931348623157e308;
/** Beyond it there are infinities only, which are stored as the largest number. */
const FINITE = "1.7e308";
const SPELLS_NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;
const FEW = 12;
const WIDE = 100;
const TICKS = 6;
const LEAST_GAP = 0.045;

/** Return the number that a value is, null where it is none, or none that is finite. */
export function numberOf(value) {
  const read = typeof value === "string" && SPELLS_NUMBER.test(value) ? Number(value) : value;
  return typeof read === "number" && Math.abs(read) < LARGEST ? read : null;
}

/**
 * Return {field, label, kind, scale, values, places, lane, ticks} of a column; `scale` may be chosen.
 *
 * `values` are numbers or texts, null for a run without one; `places` of those are NaN, and `lane` is their number. A
 * param is of numbers where all its values are, or where there are many numbers among a few texts, which count as none.
 */
export function axisOf(field, column, chosen = null) {
  const numbers = column.map(numberOf);
  const found = numbers.filter((value) => value !== null);
  const present = column.filter((value) => value !== null).length;
  const { kind } = parseField(field);
  const distinct = new Set(found);
  const isNumber = kind === "metrics" || kind === "attributes" || found.length === present || (distinct.size > FEW && 2 * found.length >= present);
  const values = isNumber ? numbers : column;
  const axis = isNumber ? numberAxis([...distinct].sort((a, b) => a - b), chosen) : categoryAxis([...new Set(column.filter((value) => value !== null))]);
  const places = Float64Array.from(values, (value) => (value === null ? Number.NaN : axis.place(value)));
  const infinite = column.some((value) => value !== null && Math.abs(Number(String(value).replace(/inf(inity)?/i, "Infinity"))) >= LARGEST);
  return { field, label: fieldLabel(field), ...axis, values, places, lane: values.filter((value) => value === null).length, infinite };
}

function numberAxis(distinct, chosen) {
  const [low, high] = [distinct[0] ?? 0, distinct.at(-1) ?? 1];
  const canLog = distinct.length > 0 && low > 0;
  const scale = chosen === "linear" || !canLog ? "linear" : (chosen ?? scaleOf(distinct));
  const across = scale === "log" ? Math.log : (value) => value;
  const size = across(high) - across(low);
  const place = (value) => (size > 0 ? (across(value) - across(low)) / size : 0.5);
  const valueAt = (at) => {
    const value = across(low) + Math.min(1, Math.max(0, at)) * size;
    return Number((scale === "log" ? Math.exp(value) : value).toPrecision(4));
  };
  const own = distinct.length <= FEW && distinct.every((value, at) => at === 0 || place(value) - place(distinct[at - 1]) >= LEAST_GAP);
  const at = own ? distinct : scale === "log" ? logTicks(low, high) : linearTicks(low, high);
  return { kind: "number", scale, canLog, low, high, place, valueAt, ticks: at.map((value) => ({ at: place(value), text: number(value).replace(/\.?0+e/, "e") })) };
}

function categoryAxis(categories) {
  categories.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const places = new Map(categories.map((value, at) => [value, (at + 0.5) / categories.length]));
  const every = Math.ceil(categories.length * LEAST_GAP);
  const ticks = categories.map((text) => ({ at: places.get(text), text })).filter((_, at) => at % every === 0);
  return { kind: "category", scale: null, categories, place: (value) => places.get(value), ticks };
}

/** Say whether positive numbers span orders of magnitude and lie more evenly by their logarithms, as importances do. */
export function scaleOf(distinct) {
  const [low, high] = [distinct[0], distinct.at(-1)];
  if (distinct.length < 3 || low <= 0 || high / low < WIDE) return "linear";
  return unevenness(distinct.map(Math.log)) < unevenness(distinct) ? "log" : "linear";
}

/** How far the mean is from the middle of the range. */
function unevenness(values) {
  const [low, high] = [values[0], values.at(-1)];
  return Math.abs(values.reduce((sum, value) => sum + (value - low) / (high - low), 0) / values.length - 0.5);
}

function linearTicks(low, high) {
  if (!(high > low)) return [low];
  const rough = (high - low) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const ticks = [];
  for (let at = Math.ceil(low / step); at * step <= high; at++) ticks.push(Number((at * step).toPrecision(12)));
  return ticks;
}

function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const factors = decades <= 2 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil(decades / 8));
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
    if (power % every === 0) for (const factor of factors) ticks.push(Number((factor * 10 ** power).toPrecision(6)));
  return ticks.filter((value) => value >= low && value <= high);
}

/** Say whether a value of an axis is inside a brush; null is a run without one. */
export function isInside(brush, value) {
  if (brush.values) return brush.values.includes(value);
  if (value === null) return brush.none !== "out";
  if (typeof value !== "number") return true; // the axis is not of numbers any more
  return brush.none !== "only" && (brush.from === null || value >= brush.from) && (brush.to === null || value <= brush.to);
}

/** Return of each run whether all brushes hold. Brushes of what is no axis are for nothing. */
export function selected(axes, brushes, count) {
  const pairs = brushes.map((brush) => [brush, axes.find(({ field }) => field === brush.field)]).filter(([, axis]) => axis);
  return Array.from({ length: count }, (_, run) => pairs.every(([brush, { values }]) => isInside(brush, values[run])));
}

/** Return a brush of the part of an axis between two places. */
export function brushOf(axis, one, other) {
  const [low, high] = one < other ? [one, other] : [other, one];
  if (axis.kind === "number") return { field: axis.field, from: low <= 0 ? null : axis.valueAt(low), to: high >= 1 ? null : axis.valueAt(high), none: "out" };
  return { field: axis.field, values: axis.categories.filter((value) => axis.place(value) >= low && axis.place(value) <= high) };
}

/** Return what is marked of an axis by a brush: its ends as places, and whether the runs without a value are. */
export function marked(axis, brush) {
  if (brush.values) {
    const inside = (axis.categories ?? []).map((value, at) => (brush.values.includes(value) ? at : -1)).filter((at) => at >= 0);
    const size = axis.categories?.length ?? 1;
    return { parts: inside.map((at) => [at / size, (at + 1) / size]), lane: brush.values.includes(null) };
  }
  const end = (value, none) => (value === null ? none : Math.min(1, Math.max(0, axis.place(axis.scale === "log" && value <= 0 ? axis.low : value))));
  const parts = brush.none === "only" || axis.kind !== "number" ? [] : [[end(brush.from, 0), end(brush.to, 1)]];
  return { parts, lane: brush.none !== "out" };
}

/**
 * Return brushes as the table of runs takes them: facets where they are such, else conditions of a filter.
 *
 * Both are null where a name or a value cannot be spelled.
 */
export function searchOf(axes, brushes) {
  const facets = [];
  const conditions = [];
  for (const brush of brushes) {
    const axis = axes.find(({ field }) => field === brush.field);
    if (!axis) continue;
    const name = spelled(brush.field);
    if (name === null || brush.values?.some((value) => value !== null && /['\\\n\r]/.test(value))) return null;
    const none = axis.kind === "number" ? `NOT ${name} BETWEEN -${FINITE} AND ${FINITE}` : `${name} IS NULL`;
    if (brush.values) facets.push(brush);
    else if (brush.none === "out" && (brush.from !== null || brush.to !== null)) facets.push(limits(axis, brush));
    else if (brush.none === "out") conditions.push(`${name} BETWEEN -${FINITE} AND ${FINITE}`);
    else if (brush.none === "only") conditions.push(none);
    else conditions.push(`(${name} BETWEEN ${brush.from ?? `-${FINITE}`} AND ${brush.to ?? FINITE} OR ${none})`);
  }
  return { facets, conditions };
}

/** An open end would let infinities in, which have no place on the axis. */
function limits({ infinite }, { field, from, to }) {
  return { field, from: from ?? (infinite ? -Number(FINITE) : null), to: to ?? (infinite ? Number(FINITE) : null) };
}
