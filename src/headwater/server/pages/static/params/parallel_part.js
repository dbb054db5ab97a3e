// The part of the page with parallel coordinates: the runs, what is brushed of them, and where they can go.

import { searchTable } from "../api.js";
import { cell, saveText } from "../charts/export.js";
import { saveMenu } from "../charts/save_menu.js";
import { byId, h } from "../dom.js";
import { toRuns } from "../finder.js";
import { duration, number, whole } from "../format.js";
import { choices, menu } from "../menu.js";
import { combined, fieldLabel } from "../runs/fields.js";
import { tableRequest } from "../runs/pages.js";
import { DEFAULT_SORT } from "../runs/state.js";
import { offerCharts, offerCompare } from "../selection.js";
import { axisOf, searchOf, selected } from "./axes.js";
import { drawAxisForm } from "./axis_form.js";
import { Parallel } from "./parallel.js";
import { Part } from "./part.js";

export const MOST_RUNS = 20_000;
const MOST_ROWS = 100;

export class ParallelPart extends Part {
  /** `page` has `apply(changes)`, `settled`, `keys`, `runLink(id, name)` and `openRun(id)`. */
  constructor(page) {
    super("parallel");
    this.page = page;
    this.axes = [];
    this.where = new Map();
    this.canvas = new Parallel(byId("parallel-plot"), {
      brush: (field, brush) => this.brush(field, brush),
      draft: (brush) => this.draft(brush),
      open: (run) => page.openRun(this.answer.columns.run_id[run]),
    });
    menu(byId("axes"), "Axes", (panel) => this.fillAxes(panel));
    byId("best").addEventListener("click", () => this.best());
    byId("unbrush").addEventListener("click", () => page.apply({ brushes: [] }));
    byId("narrow").addEventListener("click", () => page.apply({ q: this.narrowed(), brushes: [] }));
    byId("run-details").addEventListener("toggle", () => this.drawRuns());
    byId("parallel-save").replaceChildren(
      saveMenu("Parallel coordinates", () => [
        ["Picture (PNG)", () => this.canvas.save("png", this.name())],
        ["Picture (SVG)", () => this.canvas.save("svg", this.name())],
        ["All runs (CSV)", () => saveText(this.name(), "csv", csvOf(this.answer.columns, this.axes, this.inside), "text/csv")],
      ]),
    );
  }

  name() {
    return `params ${this.page.settled.metric}`;
  }

  async load({ experiment_ids: ids, filter }) {
    const { axes, metric } = this.page.settled;
    const fields = [...new Set([...axes, `metrics.${metric}`])];
    const request = { ...tableRequest(ids, filter, DEFAULT_SORT, [...fields].sort()), max_results: MOST_RUNS, count: true };
    const found = await this.ask(request, searchTable);
    byId("parallel-save").hidden = byId("best").hidden = !found;
    if (!found) return;
    this.where = new Map(found.columns.run_id.map((id, run) => [id, { name: found.columns.run_name[run], experiment: found.columns.experiment_id[run] }]));
    this.draw();
  }

  draw() {
    const { columns, rows, total } = this.answer;
    const { axes, scales, metric } = this.page.settled;
    const axis = (field) => axisOf(field, columns[field], scales[field] ?? null);
    this.axes = axes.map(axis);
    this.metric = this.axes.find(({ field }) => field === `metrics.${metric}`) ?? axis(`metrics.${metric}`);
    byId("count").textContent = total === 1 ? "1 run" : `${whole(total ?? rows)} runs`;
    if (!this.axes.length) {
      this.say("No axes are chosen.");
      return;
    }
    this.show();
    this.drawBrushes();
    byId("parallel-note").textContent = noteOf(this.axes, this.metric, rows, total);
  }

  figure(brushes) {
    const { columns, rows } = this.answer;
    const inside = selected(this.axes, brushes, rows);
    const names = columns.run_name.map((name, run) => name || columns.run_id[run]);
    return { axes: this.axes, metric: this.metric, direction: this.page.settled.direction, brushes, inside, names };
  }

  /** Show what is brushed, and the runs that it leaves. */
  drawBrushes() {
    const { brushes } = this.page.settled;
    const figure = this.figure(brushes);
    this.inside = figure.inside;
    this.canvas.show(figure);
    drawAxisForm(byId("axis-form"), this.axes, brushes, this);
    const ids = this.answer.columns.run_id.filter((_, run) => this.inside[run]);
    byId("chosen-count").textContent = brushes.length ? `${whole(ids.length)} of ${whole(this.answer.rows)} runs` : `All ${whole(ids.length)} runs; drag along an axis to choose some`;
    const search = searchOf(this.axes, brushes);
    byId("to-runs").hidden = search === null;
    if (search) byId("to-runs").href = toRuns(this.page.settled, withConditions(this.page.settled.q, search.conditions), search.facets);
    byId("narrow").hidden = search === null || !brushes.length;
    byId("unbrush").hidden = !brushes.length;
    offerCharts(byId("to-charts"), ids);
    offerCompare(byId("to-compare"), ids);
    byId("run-summary").textContent = `Runs: ${whole(ids.length)}`;
    this.drawRuns();
  }

  /** While an axis is dragged over: the lines alone, at the pace of the screen. */
  draft(brush) {
    const { brushes } = this.page.settled;
    const wanted = brush ? [...brushes.filter(({ field }) => field !== brush.field), brush] : brushes;
    this.canvas.figure = this.figure(wanted);
    this.canvas.repaint();
  }

  narrowed() {
    const { q, brushes } = this.page.settled;
    const { facets, conditions } = searchOf(this.axes, brushes);
    return combined(withConditions(q, conditions), facets);
  }

  brush(field, brush) {
    const others = this.page.settled.brushes.filter((other) => other.field !== field);
    this.page.apply({ brushes: brush ? [...others, brush] : others });
  }

  /** Brush the tenth of the runs that is best in the metric. */
  best() {
    const { direction, axes } = this.page.settled;
    const { field, values } = this.metric;
    const sorted = values.filter((value) => value !== null).sort((a, b) => (direction === "min" ? a - b : b - a));
    if (!sorted.length) return;
    const last = sorted[Math.ceil(sorted.length / 10) - 1];
    const ends = direction === "min" ? { from: null, to: last } : { from: last, to: null };
    if (!axes.includes(field)) this.page.apply({ axes: [...axes, field] });
    this.brush(field, { field, ...ends, none: "out" });
  }

  move(field, by) {
    const axes = this.page.settled.axes.filter((other) => other !== field);
    axes.splice(this.page.settled.axes.indexOf(field) + by, 0, field);
    this.page.apply({ axes });
  }

  remove(field) {
    const { axes, brushes } = this.page.settled;
    this.page.apply({ axes: axes.filter((other) => other !== field), brushes: brushes.filter((brush) => brush.field !== field) });
  }

  scale(field, scale) {
    this.page.apply({ scales: { ...this.page.settled.scales, [field]: scale } });
  }

  fillAxes(panel) {
    const { keys } = this.page;
    const named = (kind) => keys[kind].map(({ key }) => [`${kind}.${key}`, key]);
    const add = (field) => this.page.apply({ axes: [...this.page.settled.axes.filter((other) => other !== field), field] });
    const toggle = (field, on) => (on ? add(field) : this.remove(field));
    const typed = (text) => (text ? h("div", {}, h("h3", { text: "Other" }), ...["params", "metrics", "tags"].map((kind) => h("button", { type: "button", class: "quiet wide", text: `${kind}.${text}`, onclick: () => add(`${kind}.${text}`) }))) : null);
    choices(panel, [["Params", named("params")], ["Metrics", named("metrics")], ["Other", [["duration", "Duration"], ...named("tags")]]], (field) => this.page.settled.axes.includes(field), toggle, typed);
  }

  /** The runs as a table, the best first; drawn while it is open. */
  drawRuns() {
    if (!byId("run-details").open || !this.answer) return;
    const { columns } = this.answer;
    const { direction } = this.page.settled;
    const shown = this.axes.includes(this.metric) ? this.axes : [...this.axes, this.metric];
    const worth = (run) => this.metric.values[run] ?? (direction === "min" ? Infinity : -Infinity);
    const runs = [...columns.run_id.keys()].filter((run) => this.inside[run]).sort((a, b) => (direction === "min" ? worth(a) - worth(b) : worth(b) - worth(a)) || 0);
    const text = ({ field, kind }, value) => (value === null ? "none" : field === "duration" ? duration(value) : kind === "number" ? number(value) : value);
    const rows = runs.slice(0, MOST_ROWS).map((run) =>
      h("tr", {}, h("th", { scope: "row" }, this.page.runLink(columns.run_id[run], null)), ...shown.map((axis) => h("td", { class: axis.kind === "number" ? "num" : null, text: text(axis, axis.kind === "number" ? axis.values[run] : columns[axis.field][run]) }))),
    );
    const heads = ["Run", ...shown.map(({ field }) => fieldLabel(field))];
    byId("run-table").replaceChildren(
      h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Runs" }, h("table", {}, h("thead", {}, h("tr", {}, ...heads.map((name, at) => h("th", { scope: "col", class: at && shown[at - 1].kind === "number" ? "num" : null, text: name })))), h("tbody", {}, ...rows))),
      runs.length > MOST_ROWS ? h("p", { class: "dim", text: `The best ${whole(MOST_ROWS)} of ${whole(runs.length)}; CSV has all.` }) : "",
    );
  }
}

function withConditions(q, conditions) {
  if (!conditions.length) return q;
  return [...(q.trim() ? [`(${q.trim()})`] : []), ...conditions].join(" AND ");
}

/** Say what is not drawn as one might think. */
function noteOf(axes, metric, rows, total) {
  const notes = [];
  if (total > rows) notes.push(`The newest ${whole(rows)} of ${whole(total)} runs; narrow the search for others.`);
  const lacking = axes.filter(({ lane }) => lane).map(({ label, lane, kind }) => `${whole(lane)} without ${kind === "number" ? "a number in " : ""}${label}`);
  if (lacking.length) notes.push(`Lines that go below an axis are runs without a value there: ${lacking.join(", ")}.`);
  if (metric.lane) notes.push(`${whole(metric.lane)} without ${metric.label} are grey.`);
  notes.push("Axes show the last value of a metric.");
  return notes.join(" ");
}

/** Return a line a run, with a head. */
export function csvOf(columns, axes, inside) {
  const lines = [["run_id", "run_name", ...axes.map(({ field }) => cell(field)), "selected"].join(",")];
  columns.run_id.forEach((id, run) => {
    const values = axes.map(({ field }) => columns[field][run]);
    lines.push([id, cell(columns.run_name[run] ?? ""), ...values.map((value) => (typeof value === "string" ? cell(value) : (value ?? ""))), inside[run] ? 1 : 0].join(","));
  });
  return `${lines.join("\n")}\n`;
}
