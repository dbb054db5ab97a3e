// One picture of a verdict: its head, the plot, what it can be saved as.

import { savePicture, WIDTH } from "../charts/export.js";
import { plotly } from "../charts/plotly.js";
import { h, icon } from "../dom.js";
import { closeMenu, menu } from "../menu.js";

const CONFIG = { displayModeBar: false, responsive: false, doubleClick: false, showTips: false };

export class Figure {
  /** `open(runId)` is told of a click on a run's point. */
  constructor(title, note, open) {
    this.title = title;
    this.open = open;
    this.build = null;
    this.subject = "";
    this.plot = h("div", { class: "plot", role: "img" });
    const save = h("button", { type: "button", class: "quiet small", "aria-label": `Save ${title}`, "aria-haspopup": "true", "aria-expanded": "false" }, icon("save"));
    menu(save, `Save ${title}`, (panel) => {
      const offer = (text, format) =>
        h("button", { type: "button", class: "quiet wide", text, onclick: () => {
          closeMenu();
          savePicture(format, `${this.subject}: ${title}`, this.picture());
        } });
      panel.append(offer("Picture (PNG)", "png"), offer("Picture (SVG)", "svg"));
    });
    this.element = h("section", { class: "panel loading", "aria-label": title, "data-figure": title }, h("header", { class: "panel-head" }, h("h2", { text: title }), save), this.plot, h("p", { class: "caption", text: note }));
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
