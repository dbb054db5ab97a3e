// One picture of an analysis: its head, the plot, what it can be saved as.

import { h } from "../dom.js";
import { savePicture, WIDTH } from "./export.js";
import { plotly } from "./plotly.js";
import { saveMenu } from "./save_menu.js";

const CONFIG = { displayModeBar: false, responsive: false, doubleClick: false, showTips: false };

export class Figure {
  /** `open(runId)` is told of a click on a run's point; `more` are further ways to save, [text, work]. */
  constructor(title, note, open, more = []) {
    this.title = title;
    this.open = open;
    this.build = null;
    this.subject = "";
    this.plot = h("div", { class: "plot", role: "img" });
    const picture = (format) => savePicture(format, `${this.subject}: ${title}`, this.picture());
    const save = saveMenu(title, () => [["Picture (PNG)", () => picture("png")], ["Picture (SVG)", () => picture("svg")], ...more]);
    this.caption = h("p", { class: "caption", text: note });
    this.element = h("section", { class: "panel loading", "aria-label": title, "data-figure": title }, h("header", { class: "panel-head" }, h("h2", { text: title }), save), this.plot, this.caption);
    this.observer = new ResizeObserver(() => this.plot.isConnected && !this.element.classList.contains("loading") && window.Plotly.Plots.resize(this.plot));
    this.observer.observe(this.plot);
  }

  /** The figure as it is saved: as wide as a picture is, and higher by its title. */
  picture() {
    const figure = this.build(WIDTH);
    return figure.height ? { ...figure, height: figure.height + 60 } : figure;
  }

  /** `build(width)` returns what is drawn; `subject` is what it is about, `said` what it shows in words. */
  async draw(build, subject, said) {
    const figure = build(this.plot.clientWidth);
    this.build = build;
    this.subject = subject;
    this.plot.setAttribute("aria-label", said);
    if (figure.height) this.plot.style.height = `${figure.height}px`;
    const Plotly = await plotly;
    await Plotly.react(this.plot, figure.data, figure.layout, CONFIG);
    if (this.element.classList.contains("loading"))
      this.plot.on("plotly_click", ({ points }) => {
        const id = points[0]?.customdata;
        if (id) this.open(id);
      });
    this.element.classList.remove("loading");
  }
  /** Draw the same again, in the colours that the page has now. */
  redraw() {
    return this.draw(this.build, this.subject, this.plot.getAttribute("aria-label"));
  }

  /** Free what Plotly holds. */
  drop() {
    this.observer.disconnect();
    window.Plotly?.purge(this.plot);
    this.element.remove();
  }
}
