// The part of the page that says which params matter.

import { importanceOf } from "../api.js";
import { saveText } from "../charts/export.js";
import { Figure } from "../charts/figure.js";
import { byId } from "../dom.js";
import { whole } from "../format.js";
import { csvOf, fitOf, importanceFigure, MEASURES, MOST_BARS, ranked, tables, words } from "./importance.js";
import { Part } from "./part.js";

const FIRST = 6;
const RANGES = "The ranges hold 95 % of the trees: how far these agree. They are no confidence intervals.";

export class ImportancePart extends Part {
  /** `page` has `apply(changes)`, and `settled`, the state with what is usual where nothing was chosen. */
  constructor(page) {
    super("importance");
    this.page = page;
    this.figure = null;
    byId("by").addEventListener("change", ({ target }) => page.apply({ by: target.value }));
    byId("to-axes").addEventListener("click", () => this.toAxes());
  }

  /** Say that it is to come, where nothing is here yet. */
  waits() {
    if (!this.answer && this.body.hidden) this.say("Loading …");
  }

  async load(where) {
    const { metric, reduction } = this.page.settled;
    const found = await this.ask({ ...where, metric, reduction }, importanceOf);
    if (found) await (this.isNew(this.page.settled.by) && this.draw());
    else byId("to-axes").hidden = true;
  }

  async draw() {
    const { answer: found } = this;
    const { by } = this.page.settled;
    byId("by").value = by;
    this.show();
    byId("to-axes").hidden = false;
    byId("importance-words").replaceChildren(...words(found));
    byId("importance-numbers").querySelector(".words").replaceChildren(...tables(found, by));
    if (!byId("plotly")) {
      byId("importance-numbers").open = true;
      return;
    }
    if (!this.figure) {
      this.figure = new Figure("Importance", "", () => {}, [["Importances (CSV)", () => saveText(`importance ${this.answer.metric}`, "csv", csvOf(this.answer), "text/csv")]]);
      byId("importance-plot").replaceChildren(this.figure.element);
    }
    const more = found.params.length > MOST_BARS ? ` The first ${MOST_BARS} of ${whole(found.params.length)} params; all are in the numbers below.` : "";
    this.figure.caption.textContent = `${MEASURES[by].said} ${RANGES}${more}`;
    const first = ranked(found, by).slice(0, 3).map(({ param }) => param);
    await this.figure.draw((width) => importanceFigure(found, by, width), found.metric, `Importance of ${whole(found.params.length)} params for ${found.metric}, by ${by}. First: ${first.join(", ")}. ${fitOf(found).sentence}`);
  }

  redraw() {
    return this.answer && this.figure ? this.figure.redraw() : null;
  }

  toAxes() {
    const { by, metric } = this.page.settled;
    const first = ranked(this.answer, by).slice(0, FIRST).map(({ param }) => `params.${param}`);
    this.page.apply({ axes: [...first, `metrics.${metric}`] });
  }
}
