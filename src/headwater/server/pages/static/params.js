// The page of params: keeps the address, the search and the three parts together.

import { mlflowRun } from "./api.js";
import { announce, byId, h, showProblem } from "./dom.js";
import { Finder } from "./finder.js";
import { ImportancePart } from "./params/importance_part.js";
import { ParallelPart } from "./params/parallel_part.js";
import { ParetoPart } from "./params/pareto_part.js";
import { settledOf } from "./params/settled.js";
import { formatState, parseState } from "./params/state.js";
import { sampleKeys } from "./runs/keys.js";
import { shortcut } from "./shell.js";

const NO_KEYS = { runs: 0, metrics: [], params: [], tags: [] };

class ParamsPage {
  constructor() {
    this.state = parseState(location.search);
    this.keys = NO_KEYS;
    this.keysOf = null;
    this.settled = settledOf(this.state, NO_KEYS);
    this.finder = new Finder(this, formatState);
    this.importance = new ImportancePart(this);
    this.parallel = new ParallelPart(this);
    this.pareto = new ParetoPart(this);
    this.parts = [this.importance, this.parallel, this.pareto];
  }

  async start() {
    this.listen();
    if (await this.finder.start()) await this.load();
    else this.busy(false);
  }

  listen() {
    byId("ask-metric").addEventListener("submit", (event) => event.preventDefault());
    byId("metric").addEventListener("change", ({ target }) => this.setMetric(target.value.trim()));
    byId("direction").addEventListener("change", ({ target }) => this.apply({ direction: target.value }));
    byId("reduction").addEventListener("change", ({ target }) => this.apply({ reduction: target.value.trim() }));
    byId("reload").addEventListener("click", () => this.reload());
    shortcut("m", () => byId("metric").select());
    shortcut("b", () => byId("best").click());
    shortcut("0", () => this.state.brushes.length && this.apply({ brushes: [] }));
    shortcut("r", () => this.reload());
    document.addEventListener("themechange", () => {
      this.importance.redraw();
      this.pareto.redraw();
      if (!this.parallel.body.hidden) this.parallel.canvas.paint();
    });
    window.addEventListener("popstate", () => {
      this.state = parseState(location.search);
      this.load();
    });
  }

  /** The usual axes and goals are of the metric, and so is which side is better. */
  setMetric(metric) {
    this.apply({ metric, direction: null });
  }

  /** Change what is shown, and the address with it. */
  apply(changes) {
    this.state = { ...this.state, ...changes };
    history.pushState(null, "", `${location.pathname}${formatState(this.state)}`);
    return this.load();
  }

  async reload() {
    this.keysOf = null;
    for (const part of this.parts) part.forget();
    try {
      await this.finder.read();
    } catch (error) {
      showProblem(error.message);
      return;
    }
    await this.load();
    announce("Loaded again");
  }

  busy(on) {
    byId("answer").setAttribute("aria-busy", String(on));
  }

  /** Show what the state says; what is here already is not asked for again. */
  async load() {
    this.loading?.abort();
    const loading = new AbortController();
    this.loading = loading;
    this.settled = settledOf(this.state, this.keys);
    this.finder.draw();
    this.drawForm();
    this.busy(true);
    try {
      await this.loadAll(loading);
    } catch (error) {
      if (error.name === "AbortError" || this.loading !== loading) return;
      this.finder.fail(error.message);
      this.hide();
    } finally {
      if (this.loading === loading) this.busy(false);
    }
  }

  async loadAll(loading) {
    const ids = this.finder.experimentIds();
    const { q } = this.state;
    const asked = JSON.stringify([ids, q]);
    if (this.keysOf !== asked) {
      this.keys = ids.length ? await sampleKeys(ids.slice(0, 1000), loading.signal, q.trim()) : NO_KEYS;
      this.keysOf = asked;
    }
    if (this.loading !== loading) return;
    showProblem(null);
    this.settled = settledOf(this.state, this.keys);
    this.drawForm();
    const lacking = this.lacking(ids);
    byId("answer").hidden = lacking !== null;
    byId("empty").hidden = lacking === null;
    if (lacking) {
      this.sayEmpty(...lacking);
      return;
    }
    this.importance.waits();
    const where = { experiment_ids: ids, filter: q.trim() };
    const named = this.parallel.load(where);
    const front = this.pareto.load(where, named);
    await named; // importances keep the server busy: they come last
    await Promise.all([front, this.importance.load(where)]);
  }

  lacking(ids) {
    if (!ids.length) return ["No experiments here yet", "Which params matter is seen of runs that have been logged."];
    if (!this.keys.runs && this.state.q) return ["No run matches", "Change the search above, or look at other experiments."];
    if (!this.keys.runs) return ["There are no runs here yet", "Look at other experiments, or log some."];
    if (!this.settled.metric) return ["These runs have no metrics", "Log what the params should be good for, such as an accuracy."];
    return null;
  }

  drawForm() {
    const { metric, direction, by } = this.settled;
    byId("metric").value = metric;
    byId("direction").value = direction;
    byId("reduction").value = this.state.reduction;
    byId("by").value = by;
    byId("known-metrics").replaceChildren(...this.keys.metrics.map(({ key }) => h("option", { value: key })));
  }

  sayEmpty(title, text) {
    byId("count").textContent = "";
    byId("empty").replaceChildren(h("h2", { text: title }), h("p", { text }));
  }

  hide() {
    byId("answer").hidden = true;
    byId("empty").hidden = true;
    byId("count").textContent = "";
  }

  /** Return a link to a run, with its name where it is known. */
  runLink(id, name) {
    const found = this.parallel.where.get(id);
    if (!found) return h("code", { text: name || id });
    return h("a", { href: mlflowRun(found.experiment, id), text: name || found.name || id });
  }

  openRun(id) {
    const found = this.parallel.where.get(id);
    if (found) location.assign(mlflowRun(found.experiment, id));
  }
}

new ParamsPage().start();
