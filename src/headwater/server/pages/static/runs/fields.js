// What a column or a facet is called, and how the language of searches spells it. Pure.

export const ATTRIBUTES = {
  run_name: "Name",
  status: "Status",
  experiment_id: "Experiment",
  start_time: "Started",
  end_time: "Ended",
  duration: "Duration",
  user_id: "User",
  run_id: "Run id",
  artifact_uri: "Artifacts",
};

const KINDS = new Set(["metrics", "params", "tags"]);

/** Take `metrics.val loss` apart; what has no such prefix is an attribute. */
export function parseField(text) {
  const dot = text.indexOf(".");
  const kind = text.slice(0, dot);
  if (dot > 0 && KINDS.has(kind)) return { kind, key: text.slice(dot + 1), text };
  return { kind: "attributes", key: text, text };
}

export function fieldLabel(text) {
  const { kind, key } = parseField(text);
  return kind === "attributes" ? (ATTRIBUTES[key] ?? key) : key;
}

/** Spell a field in a filter or an order; null where no quotes can hold its key. */
export function spelled(text) {
  const { kind, key } = parseField(text);
  if (kind === "attributes") return `attributes.${key}`;
  if (!/[`\n\r]/.test(key)) return `${kind}.\`${key}\``;
  return /["\n\r]/.test(key) ? null : `${kind}."${key}"`;
}

/** Spell a text; null where no quotes can hold it. */
export function quoted(value) {
  if (/[\\\n\r]/.test(value)) return null;
  if (!value.includes("'")) return `'${value}'`;
  return value.includes('"') ? null : `"${value}"`;
}

/**
 * Return the condition that a facet stands for, or null for none.
 *
 * A facet is {field, values} of texts and null for runs without one, or {field, from, to} of numbers.
 */
export function condition(facet) {
  const name = spelled(facet.field);
  if (name === null) return null;
  if (facet.values) {
    const texts = facet.values.filter((value) => value !== null).map(quoted);
    const parts = [];
    if (texts.length) parts.push(`${name} IN (${texts.filter((text) => text !== null).join(", ")})`);
    if (facet.values.includes(null)) parts.push(`${name} IS NULL`);
    return parts.length ? `(${parts.join(" OR ")})` : null;
  }
  const parts = [];
  if (facet.from !== null) parts.push(`${name} >= ${facet.from}`);
  if (facet.to !== null) parts.push(`${name} <= ${facet.to}`);
  return parts.length ? parts.join(" AND ") : null;
}

/** Join what is written with what the facets say, but that of one field. */
export function combined(written, facets, without = null) {
  const conditions = facets.filter((facet) => facet.field !== without).map(condition);
  const wanted = conditions.filter((text) => text !== null);
  if (!wanted.length) return written.trim();
  if (written.trim()) wanted.unshift(`(${written.trim()})`);
  return wanted.join(" AND ");
}
