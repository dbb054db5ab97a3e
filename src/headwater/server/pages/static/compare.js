// The compare page: keeps the address, the form and the answer together.

import { compareAsMarkdown, compareRuns, mlflowRun, searchTable } from "./api.js";
import { saveText } from "./charts/export.js";
import { Figure } from "./charts/figure.js";
import { estimationFigure } from "./compare/estimation.js";
import { Form } from "./compare/form.js";
import { direction, guess, loadKnown } from "./compare/known.js";
import { ranksFigure } from "./compare/ranks.js";
import { loadNames } from "./compare/runs.js";
import { formatState, isComplete, parseState, requestOf } from "./compare/state.js";
import { csvOf, groupsOf } from "./compare/values.js";
import { action, details, headline, table, warnings } from "./compare/words.js";
import { announce, byId, h, showProblem } from "./dom.js";
import { shortcut } from "./shell.js";

const PHONE = "(max-width: 900px)";

class ComparePage {
  constructor() {
    this.state = parseState(location.search);
    this.form = new Form();
    this.verdict = null;
    this.runs = new Map();
    this.asking = null;
    this.figures = [];
  }

  async start() {
    this.listen();
    this.form.show(this.state);
    const known = this.offer();
    if (isComplete(this.state)) await this.ask();
    else {
      byId("answer").setAttribute("aria-busy", "true");
      const found = await known;
      if (found && this.state.selected.length) this.suggest(found);
      if (isComplete(this.state)) await this.ask();
      else this.sayEmpty();
    }
  }

  listen() {
    byId("ask").addEventListener("submit", (event) => {
      event.preventDefault();
      this.apply(this.form.read());
    });
    byId("metric").addEventListener("change", ({ target }) => {
      const better = direction(target.value);
      if (better && !this.form.chosen("direction")) for (const radio of this.form.radios("direction")) radio.checked = radio.value === better;
    });
    byId("place").addEventListener("change", () => {
      this.state = { ...this.state, ...places(this.form.read()) };
      this.form.state = { ...this.form.state, ...places(this.state) };
      this.offer();
    });
    shortcut("/", () => {
      byId("ask-details").open = true;
      byId("metric").select();
    });
    shortcut("r", () => isComplete(this.state) && this.ask().then(() => announce("Compared again")));
    document.addEventListener("themechange", () => this.figures.forEach((figure) => figure.redraw()));
    window.addEventListener("popstate", () => {
      this.state = parseState(location.search);
      this.form.show(this.state);
      this.offer();
      if (isComplete(this.state)) this.ask();
      else this.sayEmpty();
    });
  }

  /** Ask what names there are, to choose from; the question can be put without. */
  async offer() {
    try {
      const known = await loadKnown(this.state);
      this.form.offer(known);
      return known;
    } catch (error) {
      if (!isComplete(this.state)) showProblem(error.message);
      return null;
    }
  }

  /** Fill in what the selected runs suggest, where nothing is said. */
  suggest(known) {
    const found = guess(known);
    const state = { ...this.state };
    if (state.mode === "columns" && !state.group_by.length && found.group_by) {
      state.group_by = [found.group_by];
      state.paired_by ||= found.paired_by ?? "";
    }
    state.metric ||= known.metrics[0] ?? "";
    state.direction ||= direction(state.metric) ?? "";
    this.state = state;
    history.replaceState(null, "", `${location.pathname}${formatState(state)}`);
    this.form.show(state);
    this.form.offer(known);
  }

  apply(state) {
    this.state = state;
    history.pushState(null, "", `${location.pathname}${formatState(state)}`);
    this.form.clearProblems();
    showProblem(null);
    const missing = lacking(state);
    if (!missing) return this.ask();
    this.refuse(missing);
    return Promise.resolve();
  }

  async ask() {
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    byId("answer").setAttribute("aria-busy", "true");
    byId("empty").hidden = true;
    this.form.clearProblems();
    const asked = requestOf(this.state);
    try {
      const verdict = await compareRuns(asked, asking.signal);
      const runs = await loadNames(verdict, this.state, asking.signal);
      if (this.asking !== asking) return;
      Object.assign(this, { verdict, runs, asked });
      showProblem(null);
      await this.draw();
      byId("ask-details").open = !matchMedia(PHONE).matches;
      announce(verdict.headline);
    } catch (error) {
      if (error.name === "AbortError" || this.asking !== asking) return;
      await this.fail(error);
    } finally {
      if (this.asking === asking) byId("answer").setAttribute("aria-busy", "false");
    }
  }

  /** Say what is wrong; of the written filter alone, so that the place is right. */
  async fail(error) {
    let { message } = error;
    const { filter, selected } = this.state;
    if (filter && selected.length && /parameter 'filter'/.test(message))
      await searchTable({ experiment_ids: ["0"], filter, max_results: 0 }).catch((alone) => (message = `Invalid value for parameter 'filter': ${alone.message}`));
    this.refuse(message);
  }

  refuse(message) {
    this.forget();
    if (!this.form.fail(message)) {
      showProblem(message);
      return;
    }
    byId("empty").hidden = false;
    byId("empty").replaceChildren(h("h2", { text: "The question cannot be answered yet" }), h("p", { text: "Something is to be changed where the form says so." }));
  }

  forget() {
    this.verdict = null;
    for (const id of ["verdict", "plots", "details"]) byId(id).hidden = true;
    byId("empty").hidden = true;
    byId("ask-summary").textContent = "";
  }

  async draw() {
    const { verdict, runs } = this;
    if (!verdict) return;
    const parts = [headline(verdict, this.actions()), warnings(verdict, (column) => this.pairBy(column)), table(verdict)];
    byId("verdict").replaceChildren(...parts.filter(Boolean));
    const open = byId("values")?.open;
    byId("details").replaceChildren(...details(verdict, runs));
    byId("values").open = open ?? false;
    byId("ask-summary").textContent = `${verdict.groups[0].name} in ${verdict.question.metric}`;
    for (const id of ["verdict", "details"]) byId(id).hidden = false;
    if (byId("plotly")) await this.drawFigures();
  }

  async drawFigures() {
    const { verdict, runs } = this;
    const groups = groupsOf(verdict, runs);
    const open = (id) => runs.has(id) && location.assign(mlflowRun(runs.get(id).experiment, id));
    const two = groups.length === 2;
    const lines = verdict.question.paired_by ? " Lines join runs of one pair." : "";
    const level = `${100 - verdict.question.alpha * 100} %`;
    const note = `A point is a run, a bar a mean, the diamond the difference with its ${level} interval.${lines}${two ? " The axis at the right begins at the mean of the second group." : ""}`;
    const wanted = [[new Figure("Values and difference", note, open), (width) => estimationFigure(verdict, groups, width), `Values of ${groups.length} groups. ${verdict.headline}`]];
    if (verdict.ranks) {
      const { ranks } = verdict;
      const labels = new Map(groups.map(({ name, label }) => [name, label]));
      const build = (width) => ranksFigure(ranks, labels, groups.map(({ name }) => name), width);
      const said = ranks.names.map((name, at) => `${labels.get(name)} ${ranks.mean_ranks[at].toFixed(2)}`).join(", ");
      wanted.push([new Figure("Mean ranks", `Ranks within ${ranks.pairs} pairs that all groups have; 1 is the best. A bar joins groups that ${ranks.method}'s test does not tell apart at ${verdict.question.alpha}. The verdict does not rest on it.`, open), build, `Mean ranks, the best first: ${said}`]);
    }
    for (const figure of this.figures) figure.drop();
    this.figures = wanted.map(([figure]) => figure);
    byId("plots").replaceChildren(...this.figures.map(({ element }) => element));
    byId("plots").hidden = false;
    for (const [figure, build, said] of wanted) await figure.draw(build, verdict.question.metric, said);
  }

  actions() {
    const name = `verdict ${this.verdict.question.metric}`;
    return [
      action("Copy as Markdown", () => this.copy(name)),
      action("JSON", () => saveText(name, "json", `${JSON.stringify(this.verdict, null, 2)}\n`, "application/json"), "save"),
      action("CSV", () => saveText(name, "csv", csvOf(this.verdict, this.runs), "text/csv"), "save"),
    ];
  }

  /** Without a clipboard, as on a host that is reached without TLS, it becomes a file. */
  async copy(name) {
    let text;
    try {
      text = await compareAsMarkdown(this.asked);
    } catch (error) {
      showProblem(error.message);
      return;
    }
    try {
      await navigator.clipboard.writeText(text);
      announce("Copied as Markdown");
      this.tell("Copied");
    } catch {
      saveText(name, "md", text, "text/markdown");
      this.tell("Saved as a file");
    }
  }

  tell(text) {
    const button = document.querySelector(".actions .button");
    button.textContent = text;
    setTimeout(() => (button.textContent = "Copy as Markdown"), 2000);
  }

  pairBy(column) {
    const state = { ...this.state, paired_by: column };
    this.form.show(state);
    this.apply(state);
  }

  sayEmpty() {
    this.forget();
    byId("answer").setAttribute("aria-busy", "false");
    byId("empty").hidden = false;
    byId("empty").replaceChildren(
      h("h2", { text: "Is one group of runs better than another?" }),
      h("p", { text: "Say which column tells the groups apart, which group is the candidate, and in what it should be better. Or select runs in the table, and press Compare there." }),
      h("a", { class: "button", href: `${document.documentElement.dataset.base}/runs`, text: "Choose runs" }),
    );
  }
}

const places = ({ experiments, project }) => ({ experiments, project });

/** Return what is still to be said, in the words of an error; null where nothing is. */
function lacking(state) {
  const of = (name, text) => `Invalid value for parameter '${name}': ${text}`;
  if (state.mode === "columns" && !state.group_by.length) return of("group_by", "say which column tells the groups apart");
  if (state.mode === "filters") {
    const empty = state.groups.findIndex(({ filter }) => !filter);
    if (empty >= 0) return of(`groups[${empty}]`, "say which runs are in this group");
  }
  if (!state.metric) return of("metric", "say what is compared");
  return state.direction ? null : of("direction", "say which is better");
}

new ComparePage().start();
