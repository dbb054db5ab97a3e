// Where to search, and the filter: what the pages of many runs have in common.

import { listProjects } from "./api.js";
import { byId, debounced, showProblem } from "./dom.js";
import { combined } from "./runs/fields.js";
import { Places } from "./runs/places.js";
import { shortcut } from "./shell.js";

/** `page` has `state`, of which `q`, `project` and `experiments` are the finder's, and `apply(changes)`. */
export class Finder {
  constructor(page, formatState) {
    this.page = page;
    this.formatState = formatState;
    this.places = new Places({ projects: [], experiments: [] });
  }

  /** Listen, and read what there is; false where that could not be read. */
  async start() {
    const q = byId("q");
    byId("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.page.apply({ q: q.value });
    });
    q.addEventListener("input", () => (byId("clear-q").hidden = q.value === ""));
    byId("clear-q").addEventListener("click", () => {
      this.page.apply({ q: "" });
      q.focus();
    });
    byId("place-filter").addEventListener("input", debounced(80, () => this.drawPlaces()));
    shortcut("/", () => q.select());
    try {
      await this.read();
      return true;
    } catch (error) {
      showProblem(error.message);
      return false;
    }
  }

  async read() {
    this.places = new Places(await listProjects());
  }

  experimentIds() {
    return this.places.ids(this.page.state);
  }

  draw() {
    const { q } = this.page.state;
    byId("q").value = q;
    byId("clear-q").hidden = q === "";
    this.drawPlaces();
  }

  drawPlaces() {
    const { state } = this.page;
    const address = (changes) => `${location.pathname}${this.formatState({ ...state, ...changes })}`;
    this.places.draw(byId("places"), state, byId("place-filter").value, address, (changes) => this.page.apply(changes));
  }

  /** Say what is wrong with the filter, and go to the place where one is named. */
  fail(message) {
    showProblem(message);
    const column = /column (\d+)/.exec(message);
    if (column && document.activeElement === byId("q")) {
      const at = Number(column[1]) - 1;
      byId("q").setSelectionRange(at, at);
    }
  }
}

function addressOf(page, { project, experiments, q, facets = [] }) {
  const given = new URLSearchParams();
  if (project !== null) given.set("project", project);
  for (const id of experiments) given.append("exp", id);
  if (q) given.set("q", q);
  for (const facet of facets) given.append("f", JSON.stringify([facet.field, ...(facet.values ? [facet.values] : [facet.from, facet.to])]));
  return `${document.documentElement.dataset.base}/${page}?${given}`;
}

/** Where the params of the runs of a search are looked at; that page has no facets, so that they go into the filter. */
export const toParams = (state) => addressOf("params", { ...state, q: combined(state.q, state.facets), facets: [] });

/** Where runs are a table: in the places of a state, by a filter and facets. */
export const toRuns = (state, q, facets) => addressOf("runs", { ...state, q, facets });
