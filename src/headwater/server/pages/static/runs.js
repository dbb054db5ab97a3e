// The runs page: keeps the address, the table and the facets together.

import { searchTable } from "./api.js";
import { announce, byId, h, showProblem } from "./dom.js";
import { Finder, toParams } from "./finder.js";
import { whole } from "./format.js";
import { choices, menu } from "./menu.js";
import { ATTRIBUTES, combined, fieldLabel } from "./runs/fields.js";
import { Facets } from "./runs/facets.js";
import { Grid } from "./runs/grid.js";
import { sampleKeys, usualColumns, usualFacets } from "./runs/keys.js";
import { Pages, tableRequest } from "./runs/pages.js";
import { fillSaved } from "./runs/saved.js";
import { formatState, parseState } from "./runs/state.js";
import { offerCharts, offerCompare } from "./selection.js";
import { shortcut } from "./shell.js";

const NO_KEYS = { runs: 0, metrics: [], params: [], tags: [] };

class RunsPage {
  constructor() {
    this.state = parseState(location.search);
    this.finder = new Finder(this, formatState);
    this.keys = NO_KEYS;
    this.keysOf = null;
    this.pages = null;
    this.grid = new Grid(byId("grid"), this);
    this.facets = new Facets(byId("facets"), this);
  }

  async start() {
    this.listen();
    if (await this.finder.start()) await this.load();
  }

  listen() {
    byId("reload").addEventListener("click", () => this.reload());
    byId("unselect").addEventListener("click", () => this.unselect());
    menu(byId("columns"), "Columns", (panel) => this.fillColumns(panel));
    menu(byId("add-facet"), "Add a facet", (panel) => this.fillFacets(panel));
    menu(byId("saved"), "Saved searches", (panel) => fillSaved(panel, this));
    shortcut("r", () => this.reload());
    shortcut("c", () => this.state.selected.length && byId("to-charts").click());
    shortcut("v", () => this.state.selected.length > 1 && byId("to-compare").click());
    for (const key of ["j", "k", "ArrowDown", "ArrowUp", "x"])
      shortcut(key, (event) => {
        byId("grid").focus();
        this.grid.onKey({ ...keyOf(event), target: byId("grid") });
      });
    window.addEventListener("popstate", () => {
      this.state = parseState(location.search);
      this.load();
    });
  }

  experimentIds() {
    return this.finder.experimentIds();
  }

  experimentName(id) {
    return this.finder.places.names.get(id) ?? id;
  }

  columns() {
    return this.state.columns ?? usualColumns(this.keys, this.experimentIds().length > 1);
  }

  shownFacets() {
    const shown = this.state.shown ?? usualFacets(this.keys);
    const chosen = this.state.facets.map((facet) => facet.field);
    return [...new Set([...shown, ...chosen])];
  }

  /** Change what is shown, and the address with it. */
  apply(changes, { replace = false } = {}) {
    this.state = { ...this.state, ...changes };
    this.remember(replace);
    return this.load();
  }

  remember(replace) {
    const address = `${location.pathname}${formatState(this.state)}`;
    if (replace) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
  }

  async reload() {
    this.keysOf = null;
    await this.finder.read();
    await this.load();
    announce("Loaded again");
  }

  /** Show what the state says. */
  async load() {
    this.pages?.stop();
    this.drawForm();
    const ids = this.experimentIds();
    const loading = {};
    this.loading = loading;
    byId("grid").setAttribute("aria-busy", "true");
    try {
      if (this.keysOf !== ids.join()) {
        this.keys = await sampleKeys(ids.slice(0, 1000));
        this.keysOf = ids.join();
      }
      if (this.loading !== loading) return;
      const columns = this.columns();
      const filter = combined(this.state.q, this.state.facets);
      const pages = new Pages(tableRequest(ids, filter, this.state.sort, columns));
      this.pages = pages;
      if (ids.length) await pages.more();
      else pages.complete = true;
      if (this.loading !== loading) return;
      showProblem(null);
      this.grid.show(pages, columns, this.state.sort);
      this.drawCount();
      this.facets.show(this.shownFacets());
    } catch (error) {
      if (error.name !== "AbortError" && this.loading === loading) await this.fail(error);
    } finally {
      if (this.loading === loading) byId("grid").setAttribute("aria-busy", "false");
    }
  }

  /** Say what is wrong; of the written filter alone, so that the place is right. */
  async fail(error) {
    let shown = error;
    if (this.state.facets.length && this.state.q.trim())
      await searchTable({ experiment_ids: this.experimentIds(), filter: this.state.q.trim(), max_results: 0 }).catch(
        (alone) => (shown = alone),
      );
    this.finder.fail(shown.message);
    byId("count").textContent = "";
  }

  async more() {
    const pages = this.pages;
    if (!pages || pages.loading) return;
    try {
      await pages.more();
      if (pages === this.pages) this.grid.draw();
    } catch (error) {
      if (error.name !== "AbortError") showProblem(error.message);
    }
  }

  drawForm() {
    this.finder.draw();
    byId("to-params").href = toParams(this.state);
    this.drawChosen();
  }

  drawCount() {
    const { total, length } = this.pages;
    const count = total ?? length;
    byId("count").textContent = count === 1 ? "1 run" : `${whole(count)} runs`;
    if (count) return;
    const text = this.experimentIds().length ? "No run matches" : "No experiments here yet";
    this.grid.foot.textContent = text;
  }

  drawChosen() {
    const { selected } = this.state;
    byId("chosen").hidden = !selected.length;
    byId("chosen-count").textContent = `${whole(selected.length)} selected`;
    offerCharts(byId("to-charts"), selected);
    offerCompare(byId("to-compare"), selected);
  }

  isSelected(runId) {
    return this.state.selected.includes(runId);
  }

  select(runIds, on) {
    const others = this.state.selected.filter((id) => !runIds.includes(id));
    this.state = { ...this.state, selected: on ? [...others, ...runIds] : others };
    this.remember(true);
    this.drawChosen();
    announce(`${this.state.selected.length} selected`);
  }

  unselect() {
    this.state = { ...this.state, selected: [] };
    this.remember(true);
    this.drawChosen();
    this.grid.draw(true);
  }

  sort(field) {
    const { sort } = this.state;
    const descending = sort.field === field ? !sort.descending : field === "start_time";
    this.apply({ sort: { field, descending } });
    announce(`Sorted by ${fieldLabel(field)}, ${descending ? "descending" : "ascending"}`);
  }

  setFacet(field, facet) {
    const others = this.state.facets.filter((other) => other.field !== field);
    const shown = this.shownFacets();
    this.apply({ facets: facet ? [...others, facet] : others, shown: this.state.shown ?? shown });
  }

  hideFacet(field) {
    const shown = this.shownFacets().filter((other) => other !== field);
    this.apply({ shown, facets: this.state.facets.filter((facet) => facet.field !== field) });
  }

  fields() {
    const known = (kind) => this.keys[kind].map(({ key }) => [`${kind}.${key}`, key]);
    return [
      ["Attributes", Object.entries(ATTRIBUTES).filter(([name]) => name !== "run_name")],
      ["Metrics", known("metrics")],
      ["Params", known("params")],
      ["Tags", known("tags")],
    ];
  }

  fillColumns(panel) {
    const toggle = (name, on) => {
      const columns = this.columns();
      this.apply({ columns: on ? [...columns, name] : columns.filter((other) => other !== name) });
    };
    const usual = h("button", { type: "button", class: "quiet small", text: "The usual columns", onclick: () => this.apply({ columns: null }) });
    choices(panel, this.fields(), (name) => this.columns().includes(name), toggle, (text) => typed(text, (name) => toggle(name, true)));
    panel.append(usual);
  }

  fillFacets(panel) {
    const add = (name) => this.apply({ shown: [...this.shownFacets().filter((other) => other !== name), name] });
    const has = (name) => this.shownFacets().includes(name);
    const fields = this.fields().map(([title, items]) => [title, items.filter(([name]) => !["run_id", "artifact_uri", "start_time", "end_time"].includes(name))]);
    choices(panel, fields, has, (name, on) => (on ? add(name) : this.hideFacet(name)), (text) => typed(text, add));
  }
}

/** Offer what was typed: the newest runs, whose keys are listed, need not have all of them. */
function typed(text, add) {
  if (!text) return null;
  const offers = ["metrics", "params", "tags"].map((kind) =>
    h("button", { type: "button", class: "quiet wide", text: `${kind}.${text}`, onclick: () => add(`${kind}.${text}`) }),
  );
  return h("div", {}, h("h3", { text: "Other" }), ...offers);
}

function keyOf({ key, shiftKey }) {
  return { key, shiftKey, ctrlKey: false, metaKey: false, altKey: false, preventDefault() {} };
}

new RunsPage().start();
