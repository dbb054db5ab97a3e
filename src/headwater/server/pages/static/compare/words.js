// A verdict in words: the decision, the table, what it rests on.

import { mlflowRun } from "../api.js";
import { h, icon } from "../dom.js";
import { duration, number, whole } from "../format.js";

/** Return a difference, nothing where it is what rounding leaves. */
function rounded({ estimate, means }) {
  if (estimate === null) return null;
  const size = Math.max(...means.map((mean) => Math.abs(mean ?? 0)));
  return Math.abs(estimate) < size * 1e-13 ? 0 : estimate;
}

/** Each decision has a sign of its own beside its colour and its word. */
const SIGNS = { better: "▲", worse: "▼", equivalent: "≈", undecided: "?" };
const MOST_RUNS = 500;
const LONG = 240;
const LONG_NAME = 28;

export const percent = (share) => `${number(share * 100)} %`;

export function probability(value) {
  if (value === null) return "";
  return value < 1e-4 ? "< 0.0001" : String(Number(value.toPrecision(3)));
}

export function signed(value) {
  if (value === null) return "";
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${number(Number(Math.abs(value).toPrecision(4)))}`;
}

export function interval(found) {
  if (!found) return "";
  const end = (value, none) => (value === null ? none : signed(value));
  return `${end(found.low, "−∞")} to ${end(found.high, "∞")}`;
}

/** Return what all names begin with, such as `params.model = `, which need not be said each time. */
export function sharedPrefix(names) {
  const at = names[0].indexOf(" = ");
  const prefix = at < 0 ? "" : names[0].slice(0, at + 3);
  const alone = (name) => name.startsWith(prefix) && name.length > prefix.length && !name.slice(prefix.length).includes(" = ");
  return prefix && names.every(alone) ? prefix : "";
}

/** The same, for sentences: a bare number would be no name there. */
function prefixInWords({ groups }) {
  const prefix = sharedPrefix(groups.map(({ name }) => name));
  return groups.some(({ name }) => Number.isFinite(Number(name.slice(prefix.length)))) ? "" : prefix;
}

/** Return the sentence of a verdict without what all its groups' names begin with. */
export function withoutPrefix(verdict) {
  const prefix = prefixInWords(verdict);
  return prefix ? verdict.headline.replaceAll(prefix, "") : verdict.headline;
}

export function badge(decision) {
  return h("span", { class: `badge d-${decision}` }, h("span", { class: "sign", "aria-hidden": "true", text: SIGNS[decision] }), decision);
}

/** The decision and its sentence; `actions` are what can be done with it. */
export function headline(verdict, actions) {
  const { question, groups } = verdict;
  const facts = [`${question.metric}, ${question.direction} is better`];
  if (question.reduction !== "last") facts.push(`of each curve: ${question.reduction}`);
  if (question.paired_by) facts.push(`paired by ${question.paired_by}`);
  if (question.margin !== null) facts.push(`margin ${number(question.margin)}`);
  facts.push(`alpha ${number(question.alpha)}`);
  return h(
    "section",
    { class: `headline d-${verdict.decision}`, "aria-labelledby": "headline" },
    h("div", { class: "headline-top" }, badge(verdict.decision), h("span", { class: "candidate" }, "Candidate: ", h("strong", { text: groups[0].name }))),
    h("h2", { id: "headline", class: verdict.headline.length > LONG ? "long" : null, text: withoutPrefix(verdict) }),
    h("p", { class: "dim", text: facts.join(" · ") }),
    h("div", { class: "actions" }, ...actions),
  );
}

export function warnings(verdict, pairBy) {
  const told = [...verdict.warnings, ...ofComparisons(verdict)];
  if (!told.length) return null;
  const key = verdict.could_pair_by;
  const offer = key && h("button", { type: "button", class: "button", text: `Pair by ${key}`, onclick: () => pairBy(key) });
  return h("section", { class: "warnings", "aria-label": "Warnings" }, h("h3", { text: told.length === 1 ? "Mind" : `Mind (${told.length})` }), h("ul", {}, ...[...new Set(told)].map((text) => h("li", { text }))), offer || null);
}

/** Return each warning of the comparisons once, with the groups that it is about unless it is about all. */
function ofComparisons(verdict) {
  const prefix = prefixInWords(verdict);
  const about = new Map();
  for (const { b, warnings: texts } of verdict.comparisons) for (const text of texts) about.set(text, [...(about.get(text) ?? []), b.slice(prefix.length)]);
  return [...about].map(([text, names]) => (names.length === verdict.comparisons.length ? text : `${names.join(", ")}: ${text}`));
}

export function table(verdict) {
  const prefix = prefixInWords(verdict);
  const short = (name) => name.slice(prefix.length);
  const candidate = short(verdict.groups[0].name);
  const numbers = (text) => h("td", { class: "num", text });
  const rows = verdict.comparisons.map((each) =>
    h(
      "tr",
      {},
      h("th", { scope: "row", title: each.b }, short(each.b)),
      h("td", {}, badge(each.decision)),
      h("td", { class: "num strong", text: signed(rounded(each)), title: each.estimate_name }),
      numbers(interval(each.interval)),
      numbers(probability(each.p_adjusted)),
      numbers(number(each.means[0])),
      numbers(number(each.means[1])),
      numbers(each.sizes.length === 1 ? `${whole(each.sizes[0])} pairs` : each.sizes.map(whole).join(" / ")),
      numbers(each.runs_needed === null ? "" : `about ${whole(each.runs_needed)}`),
    ),
  );
  const level = verdict.comparisons.find((each) => each.interval)?.interval.level ?? 1 - verdict.question.alpha;
  const needed = verdict.comparisons.some((each) => each.runs_needed !== null);
  const heads = ["Against", candidate.length > LONG_NAME ? "Decision" : `${candidate} is`, "Difference", `${percent(level)} interval`, verdict.comparisons.length > 1 ? "p (Holm)" : "p", "Mean", "Its mean", "Runs", needed ? "Needed" : ""];
  return h(
    "div",
    { class: "scroller", tabindex: "0", role: "region", "aria-label": "Comparisons" },
    h("table", { class: "comparisons" }, h("thead", {}, h("tr", {}, ...heads.map((text, at) => h("th", { scope: "col", class: at > 1 ? "num" : null, text })))), h("tbody", {}, ...rows)),
  );
}

const HOLDS = new Map([[true, "✓ holds"], [false, "✗ does not hold"], [null, "– cannot be told"]]);

function basis(found, several, name) {
  const lines = [];
  const add = (title, ...content) => lines.push(h("dt", { text: title }), h("dd", {}, ...content));
  const list = (texts) => h("ul", { class: "plain" }, ...texts.map((text) => h("li", { text })));
  if (found.test) {
    const { statistic_name: name, statistic, df, p_value: p, exact } = found.test;
    const value = statistic === null ? "∞" : number(statistic);
    add("Test", h("strong", { text: found.test.method }), ` of “${found.test.null}”: ${name} = ${value}${df.length ? `, df ${df.map(number).join(", ")}` : ""}, p = ${probability(p)}${exact ? " (exact)" : ""}`);
  } else add("Test", "None: there are too few values.");
  if (found.why.length) add("Why this test", list(found.why));
  if (found.checks.length) add("Looked at", list(found.checks.map((check) => `${HOLDS.get(check.holds)}: ${check.assumption} (${check.method}: ${check.finding})`)));
  if (found.assumptions.length) add("Must hold", list(found.assumptions));
  if (found.estimate !== null) add("Difference", `${signed(rounded(found))} (${found.estimate_name}${found.interval ? `; ${percent(found.interval.level)} interval ${interval(found.interval)}, ${found.interval.method}` : ""})`);
  if (found.effects.length) add("Effect", list(found.effects.map((effect) => `${effect.method} ${number(Number(effect.estimate.toPrecision(3)))} (${percent(effect.interval.level)} interval ${interval(effect.interval).replaceAll("+", "")})`)));
  if (found.equivalence) add("Equivalence", `${found.equivalence.method}, p = ${probability(found.equivalence.p_value)}, of “${found.equivalence.null}”`);
  if (found.runs_needed !== null) add("Runs needed", `About ${whole(found.runs_needed)} ${found.sizes.length === 1 ? "pairs" : "runs in each group"} would tell.`);
  const body = h("dl", { class: "basis" }, ...lines);
  return several ? h("details", { class: "one" }, h("summary", {}, h("span", { class: "text", text: `Against ${name}` }), badge(found.decision)), body) : body;
}

/** Why this test, its checks and effects; the runs that are not used; every run. */
export function details(verdict, runs) {
  const several = verdict.comparisons.length > 1;
  const prefix = prefixInWords(verdict);
  const parts = [h("h3", { text: "What it rests on" })];
  if (verdict.omnibus) parts.push(h("p", { class: "omnibus", text: `Do any of the ${verdict.groups.length} groups differ? ${verdict.omnibus.method}: p = ${probability(verdict.omnibus.p_value)}.` }));
  parts.push(...verdict.comparisons.map((each) => basis(each, several, each.b.slice(prefix.length))));
  const sections = [h("section", { class: "card", "aria-label": "What it rests on" }, ...parts)];
  if (verdict.unused.length)
    sections.push(
      h(
        "section",
        { class: "card", "aria-label": "Unused runs" },
        h("h3", { text: `Runs not compared by their own value: ${whole(verdict.unused.length)}` }),
        h("ul", { class: "unused" }, ...verdict.unused.slice(0, MOST_RUNS).map((each) => h("li", {}, runLink(each.run_id, runs), h("span", { class: "dim", text: ` of ${each.group}: ${each.reason}` })))),
      ),
    );
  sections.push(values(verdict, runs));
  return sections;
}

function values(verdict, runs) {
  const all = verdict.groups.flatMap((group) => group.runs.map((run) => ({ group: group.name, ...run })));
  const paired = verdict.question.paired_by;
  const row = (run) =>
    h("tr", {}, h("td", {}, runLink(run.run_id, runs)), h("td", { text: run.group }), paired ? h("td", { text: run.pair ?? "" }) : null, h("td", { class: "num", text: run.value === null ? "none" : number(run.value) }), h("td", { text: run.status.toLowerCase() }), h("td", { class: "num", text: duration(run.duration ?? null) }));
  const heads = ["Run", "Group", ...(paired ? [paired] : []), verdict.question.metric, "Status", "Duration"];
  const note = all.length > MOST_RUNS ? h("p", { class: "dim", text: `The first ${whole(MOST_RUNS)} of ${whole(all.length)}; CSV has all.` }) : null;
  return h(
    "details",
    { class: "card", id: "values" },
    h("summary", { text: `All ${whole(all.length)} runs and their values` }),
    note,
    h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Runs and values" }, h("table", {}, h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col", text })))), h("tbody", {}, ...all.slice(0, MOST_RUNS).map(row)))),
  );
}

function runLink(id, runs) {
  const run = runs.get(id);
  return run ? h("a", { href: mlflowRun(run.experiment, id), text: run.name || id }) : h("code", { text: id });
}

export function action(text, work, picture = null) {
  return h("button", { type: "button", class: "button", onclick: work }, picture ? icon(picture) : null, text);
}
