// The part of the page with the Pareto front.

import { paretoOf } from "../api.js";
import { saveText } from "../charts/export.js";
import { Figure } from "../charts/figure.js";
import { byId, h, icon, replaceSoon } from "../dom.js";
import { direction } from "../compare/known.js";
import { csvOf, everyOf, paretoFigure, sentence, tables } from "./pareto.js";
import { Part } from "./part.js";

const MOST_OBJECTIVES = 10;
const EDGE = "A point is a run; the line is the edge of what the front dominates. A click opens a run in MLflow.";
const SEVERAL = "A point is a run; those on the front of all objectives stand out, also where they seem beaten in these two. A click opens a run in MLflow.";

export class ParetoPart extends Part {
  /** `page` has `apply(changes)`, `settled`, `runLink(id, name)` and `openRun(id)`. */
  constructor(page) {
    super("pareto");
    this.page = page;
    this.figure = null;
    for (const id of ["x", "y"]) byId(id).addEventListener("change", ({ target }) => page.apply({ [id]: target.value }));
  }

  /** `named` is there when the names of the runs are. */
  async load(where, named) {
    const { objectives, reduction } = this.page.settled;
    this.drawObjectives();
    if (objectives.length < 2) {
      this.forget();
      this.say("Name two metrics or more, each with the side that is better.");
      return;
    }
    const found = await this.ask({ ...where, objectives, reduction }, paretoOf);
    await named;
    const { x, y } = this.page.settled;
    if (found && this.isNew(x, y)) await this.draw();
  }

  async draw() {
    const { answer: found } = this;
    const { x, y } = this.axes();
    this.show();
    byId("pareto-words").textContent = sentence(found);
    const open = byId("unusable")?.open ?? false;
    byId("pareto-tables").replaceChildren(...tables(found, (id, name) => this.page.runLink(id, name)));
    if (byId("unusable")) byId("unusable").open = open;
    if (!byId("plotly")) return;
    if (!this.figure) {
      this.figure = new Figure("Pareto front", "", (id) => this.page.openRun(id), [["All runs (CSV)", () => saveText(`pareto ${this.subject()}`, "csv", csvOf(this.answer), "text/csv")]]);
      byId("pareto-plot").replaceChildren(this.figure.element);
    }
    const every = everyOf(found.runs);
    const thinned = every > 1 ? ` Of the dominated runs one in ${every} is drawn; CSV has all.` : "";
    this.figure.caption.textContent = `${found.objectives.length === 2 ? EDGE : SEVERAL}${thinned}`;
    await this.figure.draw((width) => paretoFigure(this.answer, x, y, width), this.subject(), `${found.objectives[x].metric} and ${found.objectives[y].metric} of the runs. ${sentence(found)}`);
  }

  subject() {
    return this.answer.objectives.map(({ metric }) => metric).join(" ");
  }

  redraw() {
    return this.answer && this.figure ? this.figure.redraw() : null;
  }

  /** Which two objectives are drawn. */
  axes() {
    const metrics = this.answer.objectives.map(({ metric }) => metric);
    const { x, y } = this.page.settled;
    const first = Math.max(0, metrics.indexOf(x));
    const second = metrics.indexOf(y);
    for (const [id, at] of [["x", first], ["y", second]]) {
      byId(`${id}-control`).hidden = metrics.length < 3;
      byId(id).replaceChildren(...metrics.map((metric) => h("option", { value: metric, text: metric })));
      byId(id).value = metrics[at] ?? "";
    }
    const other = second >= 0 && second !== first ? second : first === 0 ? 1 : 0;
    byId("y").value = metrics[other];
    return { x: first, y: other };
  }

  drawObjectives() {
    const { objectives } = this.page.settled;
    replaceSoon(byId("objectives"), () => this.rows(objectives));
  }

  rows(objectives) {
    const rows = (objectives.length ? objectives : [{ metric: "", direction: "max" }]).map((each, at) => this.row(each, at, objectives));
    const add = h("button", { type: "button", class: "quiet small", text: "Add a goal", onclick: () => {
      const row = this.row({ metric: "", direction: "max" }, objectives.length, objectives);
      byId("objectives").lastElementChild.before(row);
      row.querySelector("input").focus();
      add.hidden = true;
    } });
    add.hidden = objectives.length >= MOST_OBJECTIVES;
    return [...rows, h("li", {}, add)];
  }

  row(objective, at, objectives) {
    const number = `Goal ${at + 1}`;
    const metric = h("input", { list: "known-metrics", spellcheck: "false", "aria-label": `${number}: metric`, "data-focus": `goal-${at}` });
    metric.value = objective.metric;
    const side = h("select", { "aria-label": `${number}: which is better`, "data-focus": `goal-side-${at}` }, h("option", { value: "max", text: "higher" }), h("option", { value: "min", text: "lower" }));
    side.value = objective.direction;
    const set = (one) => this.page.apply({ objectives: [...objectives.slice(0, at), ...(one ? [one] : []), ...objectives.slice(at + 1)] });
    metric.addEventListener("change", () => {
      const name = metric.value.trim();
      const twice = objectives.some((other, index) => index !== at && other.metric === name);
      metric.toggleAttribute("aria-invalid", twice);
      if (twice) return;
      const guessed = { lower: "min", higher: "max" }[direction(name)] ?? side.value;
      set(name ? { metric: name, direction: guessed } : null);
    });
    side.addEventListener("change", () => metric.value.trim() && set({ metric: metric.value.trim(), direction: side.value }));
    const remove = objectives.length > 2 ? h("button", { type: "button", class: "quiet small", "aria-label": `Remove ${number.toLowerCase()}`, onclick: () => set(null) }, icon("close")) : null;
    return h("li", {}, metric, side, remove);
  }
}
