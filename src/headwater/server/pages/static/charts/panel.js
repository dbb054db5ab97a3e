// One chart: its head, the picture, and what is to be said of it.

import { h } from "../dom.js";
import { whole } from "../format.js";
import { saveCsv, savePicture } from "./export.js";
import { draggedRange, layoutOf } from "./layout.js";
import { plotly } from "./plotly.js";
import { saveMenu } from "./save_menu.js";
import { tracesOf } from "./traces.js";

const CONFIG = { displayModeBar: false, responsive: false, doubleClick: false, showTips: false };

export class Panel {
  /** `page` has `zoom(from, to)` and `whole()`. */
  constructor(key, page) {
    this.key = key;
    this.page = page;
    this.figure = null;
    this.listens = false;
    this.series = [];
    this.facts = h("span", { class: "panel-facts" });
    this.plot = h("div", { class: "plot", role: "img" });
    this.none = h("p", { class: "none", text: "No points", hidden: true });
    const save = saveMenu(key, () => [
      ["Picture (PNG)", () => savePicture("png", this.key, this.figure)],
      ["Picture (SVG)", () => savePicture("svg", this.key, this.figure)],
      ["Points shown (CSV)", () => saveCsv(this.key, this.series)],
    ]);
    this.element = h(
      "section",
      { class: "panel loading", "aria-label": key, "data-metric": key },
      h("header", { class: "panel-head" }, h("h2", { text: key, title: key }), this.facts, save),
      this.plot,
      this.none,
    );
    new ResizeObserver(() => this.listens && window.Plotly.Plots.resize(this.plot)).observe(this.plot);
  }

  async draw(series, lines, state) {
    this.series = series;
    this.figure = { data: tracesOf(series, lines, state), layout: layoutOf(series, lines, state) };
    this.state = state;
    this.none.hidden = series.length > 0;
    this.tell(series, state);
    const Plotly = await plotly;
    await Plotly.react(this.plot, this.figure.data, this.figure.layout, CONFIG);
    this.element.classList.remove("loading");
    this.listen();
  }

  listen() {
    if (this.listens) return;
    this.listens = true;
    this.plot.on("plotly_relayout", (event) => {
      const range = draggedRange(event, this.state);
      if (range) this.page.zoom(...range);
    });
    this.plot.on("plotly_doubleclick", () => this.page.whole());
  }

  tell(series, state) {
    const shown = series.reduce((sum, { steps }) => sum + steps.length, 0);
    const total = series.reduce((sum, found) => sum + found.total, 0);
    const parts = [shown === total ? `${whole(total)} points` : `${whole(shown)} of ${whole(total)} points`];
    const infinite = series.reduce((sum, found) => sum + found.infinite, 0);
    if (infinite) parts.push(`${whole(infinite)} infinite`);
    if (state.logy) {
      const lost = series.reduce((sum, { y }) => sum + y.filter((value) => value !== null && value <= 0).length, 0);
      if (lost) parts.push(`${whole(lost)} ≤ 0 not on a log axis`);
    }
    this.facts.textContent = series.length ? parts.join(" · ") : "";
    this.facts.title = shown === total ? "All points" : "Thinned out; the least and the greatest value of every part are kept. Zoom for more.";
    this.plot.setAttribute("aria-label", `${this.key} of ${series.length} runs: ${parts.join(", ")}`);
  }
}
