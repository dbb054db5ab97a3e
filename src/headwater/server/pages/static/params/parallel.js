// Parallel coordinates on a canvas: Plotly's need code that is made while the page runs, which the policy forbids.

import { pageColours } from "../charts/colours.js";
import { saveText, WIDTH } from "../charts/export.js";
import { h } from "../dom.js";
import { number, whole } from "../format.js";
import { brushOf } from "./axes.js";
import { draw, geometry, HEIGHT, lineOf, nearest } from "./drawing.js";
import { gradient } from "./gradient.js";
import { CanvasPen, SvgPen } from "./pens.js";

const STRIP = 30;
const CLICK = 4;
const NEAR_LANE = 14;
const MOST_DRAGGED = 2500;

const allColours = () => ({ ...pageColours(), gradient: gradient() });

export class Parallel {
  /** `page` has `brush(field, brush or null)` and `open(run)`; a run is its number. */
  constructor(element, page) {
    this.page = page;
    this.figure = null;
    this.frame = 0;
    this.canvas = h("canvas", { role: "img" });
    this.over = h("canvas", { class: "over", "aria-hidden": "true" });
    this.strips = h("div", { class: "strips", "aria-hidden": "true" });
    this.tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" });
    this.stage = h("div", { class: "stage" }, this.canvas, this.over, this.strips, this.tip);
    this.scroller = h("div", { class: "parallel-scroller", tabindex: "0", role: "region", "aria-label": "Parallel coordinates" }, this.stage);
    element.replaceChildren(this.scroller);
    this.stage.addEventListener("pointermove", (event) => this.hover(event));
    this.stage.addEventListener("pointerleave", () => this.point(-1));
    this.over.addEventListener("click", () => this.pointed >= 0 && this.page.open(this.pointed));
    new ResizeObserver(() => this.figure && this.scroller.clientWidth !== this.room && this.show(this.figure)).observe(this.scroller);
  }

  /**
   * Draw a figure: {axes, metric, direction, brushes, inside, names}, where `metric` is the axis that colours,
   * `inside` tells of each run whether it is selected.
   */
  show(figure) {
    this.figure = figure;
    this.room = this.scroller.clientWidth;
    if (!this.room) return;
    this.place = geometry(figure.axes, this.room);
    const { width, height, xs } = this.place;
    for (const canvas of [this.canvas, this.over]) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    this.stage.style.width = `${width}px`;
    this.strips.replaceChildren(...figure.axes.map((axis, at) => this.strip(axis, xs[at])));
    this.canvas.setAttribute("aria-label", spoken(figure));
    cancelAnimationFrame(this.frame);
    this.point(-1);
    this.paint();
  }

  /** Draw anew with the next picture of the screen, once however often it is asked for, and not more than that allows. */
  repaint() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.paint(Math.ceil(this.figure.inside.length / MOST_DRAGGED)));
  }

  paint(every = 1) {
    draw(this.penOf(this.canvas), this.figure, this.place, allColours(), every);
  }

  penOf(canvas) {
    const context = canvas.getContext("2d");
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, this.place.width, this.place.height);
    return new CanvasPen(context, 1 / devicePixelRatio);
  }

  /** Where an axis is brushed: a drag chooses a part of it, a click lets go of it. */
  strip(axis, x) {
    const strip = h("div", { class: "strip", "data-axis": axis.field, title: axis.label });
    strip.style.left = `${x - STRIP / 2}px`;
    strip.style.height = `${this.place.height}px`;
    let start = null;
    const at = (event) => event.clientY - this.stage.getBoundingClientRect().top;
    const placeOf = (y) => (this.place.bottom - y) / (this.place.bottom - this.place.top);
    const draft = (event) => this.page.draft(brushOf(axis, placeOf(start), placeOf(at(event))));
    strip.addEventListener("pointerdown", (event) => {
      start = at(event);
      strip.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    strip.addEventListener("pointermove", (event) => start !== null && Math.abs(at(event) - start) >= CLICK && draft(event));
    strip.addEventListener("pointerup", (event) => {
      if (start === null) return;
      const end = at(event);
      const clicked = Math.abs(end - start) < CLICK;
      const lane = clicked && axis.lane > 0 && Math.abs(end - this.place.lane) < NEAR_LANE;
      const brush = clicked ? (lane ? onlyWithout(axis) : null) : brushOf(axis, placeOf(start), placeOf(end));
      start = null;
      this.page.brush(axis.field, brush);
    });
    strip.addEventListener("pointercancel", () => {
      start = null;
      this.page.draft(null);
    });
    return strip;
  }

  hover(event) {
    if (!this.figure || event.buttons) return;
    const box = this.stage.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    this.point(nearest(this.figure, this.place, x, y), x, y);
  }

  /** Draw one run's line over the others, and say what it is. */
  point(run, x = 0, y = 0) {
    this.tip.hidden = run < 0;
    this.over.classList.toggle("on-run", run >= 0);
    if (run < 0 && this.pointed === -1) return;
    const changed = run !== this.pointed;
    this.pointed = run;
    if (changed) {
      const pen = this.penOf(this.over);
      if (run < 0) return;
      const colours = pageColours();
      const line = [lineOf(run, this.figure.axes, this.place)];
      pen.lines(line, colours.surface, 5);
      pen.lines(line, colours.strong, 2.4);
      const { metric, names } = this.figure;
      this.tip.textContent = `${names[run]} · ${metric.label} ${metric.values[run] === null ? "none" : number(metric.values[run])}`;
    }
    const room = this.scroller.scrollLeft + this.room - this.tip.offsetWidth - 8;
    this.tip.style.left = `${Math.max(4, Math.min(room, x + 12))}px`;
    this.tip.style.top = `${Math.max(4, y - 34)}px`;
  }

  svg() {
    const place = geometry(this.figure.axes, WIDTH);
    const pen = new SvgPen(place.width, place.height);
    draw(pen, this.figure, place, allColours());
    return pen.done();
  }

  save(format, name) {
    if (format === "svg") {
      saveText(name, "svg", this.svg(), "image/svg+xml");
      return;
    }
    const place = geometry(this.figure.axes, WIDTH, HEIGHT);
    const canvas = h("canvas", { width: 2 * place.width, height: 2 * place.height });
    const context = canvas.getContext("2d");
    context.scale(2, 2);
    draw(new CanvasPen(context, 0.5), this.figure, place, allColours());
    canvas.toBlob((blob) => saveText(name, "png", blob, "image/png"));
  }
}

const onlyWithout = (axis) => (axis.kind === "number" ? { field: axis.field, from: null, to: null, none: "only" } : { field: axis.field, values: [null] });

function spoken({ axes, metric, inside }) {
  const count = inside.filter(Boolean).length;
  return `${whole(count)} of ${whole(inside.length)} runs on the axes ${axes.map(({ label }) => label).join(", ")}, coloured by ${metric.label}. What is brushed can be set below.`;
}
