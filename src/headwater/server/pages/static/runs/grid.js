// The table of runs. Of any number of rows only those in view are elements; one of them is the active one.

import { mlflowRun } from "../api.js";
import { h } from "../dom.js";
import { duration, number, time, whole } from "../format.js";
import { fieldLabel, parseField } from "./fields.js";

const ROW = 32;
const BEFORE_END = 60;
const SPARE = 8;
const PICK = 38;

/**
 * `page` is told what happens: `sort(field)`, `select(runId, on)`, `more()`, `earlier()`, `toStart()`,
 * `placed(pages, index)`, and knows `isSelected(runId)` and `experimentName(id)`.
 */
export class Grid {
  constructor(element, page) {
    this.element = element;
    this.page = page;
    this.pages = null;
    this.columns = [];
    this.active = 0;
    this.anchor = 0;
    this.drawn = "";
    element.addEventListener("scroll", () => this.draw(), { passive: true });
    element.addEventListener("keydown", (event) => this.onKey(event));
    element.addEventListener("click", (event) => this.onClick(event));
    new ResizeObserver(() => this.draw()).observe(element);
  }

  /** Show other rows, from the first one on. */
  show(pages, columns, sort) {
    this.pages = pages;
    this.columns = ["run_name", ...columns.filter((name) => name !== "run_name")];
    this.active = 0;
    this.anchor = 0;
    this.build(sort);
    this.element.scrollTop = 0;
    this.draw(true);
  }

  build(sort) {
    const head = h("tr", { role: "row", "aria-rowindex": 1 });
    head.append(h("th", { role: "columnheader", class: "pick" }, h("span", { class: "visually-hidden", text: "Selected" })));
    for (const name of this.columns) head.append(this.heading(name, sort));
    this.body = h("tbody", { role: "rowgroup" });
    const widths = [PICK, ...this.columns.map(widthOf)];
    // The last column takes the room that is left, so that the others keep their widths.
    const columns = h("colgroup", {}, ...widths.map(column), h("col"));
    head.append(h("th", { class: "rest", "aria-hidden": "true" }));
    const table = h("table", { role: "presentation" }, columns, h("thead", { role: "rowgroup" }, head), this.body);
    table.style.width = `${widths.reduce((sum, width) => sum + width, 0)}px`;
    this.foot = h("p", { class: "grid-foot dim" });
    this.element.replaceChildren(table, this.foot);
    this.element.setAttribute("aria-colcount", this.columns.length + 1);
  }

  heading(name, sort) {
    const sorted = sort.field === name ? (sort.descending ? "descending" : "ascending") : null;
    const { kind } = parseField(name);
    const title = kind === "attributes" ? fieldLabel(name) : name;
    const button = h(
      "button",
      { type: "button", class: "sorter", title: `Sort by ${title}`, onclick: () => this.page.sort(name) },
      h("span", { class: "sorter-text", text: fieldLabel(name) }),
      sorted === null ? null : h("span", { class: "arrow", "aria-hidden": "true", text: sort.descending ? "↓" : "↑" }),
    );
    return h(
      "th",
      { role: "columnheader", scope: "col", "aria-sort": sorted, class: `${name === "run_name" ? "name" : ""} ${isNumber(name) ? "num" : ""}` },
      button,
    );
  }

  /** Draw the rows in view, and ask for more where the end is near. */
  draw(anew = false) {
    if (this.pages === null) return;
    const { length, total } = this.pages;
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - SPARE);
    const seen = Math.ceil(this.element.clientHeight / ROW) + 2 * SPARE;
    const last = Math.min(length, first + seen);
    const state = `${first} ${last} ${length} ${this.pages.complete}`;
    if (anew || state !== this.drawn) {
      this.drawn = state;
      const rows = [spacer(first * ROW)];
      for (let index = first; index < last; index++) rows.push(this.row(index));
      rows.push(spacer((length - last) * ROW));
      this.body.replaceChildren(...rows);
      // Of rows that are not here yet nobody knows the number: -1 says so.
      this.element.setAttribute("aria-rowcount", this.pages.previous ? -1 : (total ?? length) + 1);
      this.foot.textContent = this.footText();
      this.mark();
    }
    this.page.placed(this.pages, Math.min(length - 1, Math.floor(this.element.scrollTop / ROW)));
    if (!this.pages.complete && last > length - BEFORE_END) this.page.more();
    else if (this.pages.previous && first < BEFORE_END) this.page.earlier();
  }

  /** Keep the same rows in view after others have come before them. */
  grown(rows) {
    this.active += rows;
    this.anchor += rows;
    const top = this.element.scrollTop + rows * ROW;
    this.draw(true);
    this.element.scrollTop = top;
    this.draw(true);
  }

  footText() {
    const { length, complete, total } = this.pages;
    if (!complete) return "Loading …";
    if (this.pages.previous || length <= 20) return "";
    return `All ${whole(total ?? length)} runs`;
  }

  row(index) {
    const runId = this.pages.get(index, "run_id");
    const selected = this.page.isSelected(runId);
    const box = h("input", { type: "checkbox", tabindex: -1, "aria-label": `Select ${this.pages.get(index, "run_name") ?? runId}` });
    box.checked = selected;
    const row = h(
      "tr",
      { role: "row", id: `row-${index}`, "data-index": index, "aria-rowindex": index + 2, "aria-selected": String(selected), class: selected ? "selected" : null },
      h("td", { role: "gridcell", class: "pick" }, box),
    );
    for (const name of this.columns) row.append(this.cell(index, name));
    row.append(h("td", { "aria-hidden": "true" }));
    return row;
  }

  cell(index, name) {
    const value = this.pages.get(index, name);
    if (name === "run_name") {
      const id = this.pages.get(index, "run_id");
      const text = value || id;
      const href = mlflowRun(this.pages.get(index, "experiment_id"), id);
      return h("td", { role: "gridcell", class: "name" }, h("a", { href, tabindex: -1, text, title: text }));
    }
    if (name === "status") {
      const status = String(value ?? "").toLowerCase();
      return h("td", { role: "gridcell" }, h("span", { class: `status s-${status}`, text: status }));
    }
    const text = this.text(name, value);
    return h("td", { role: "gridcell", class: isNumber(name) ? "num" : null, text, title: text.length > 14 ? text : null });
  }

  text(name, value) {
    if (value === null) return "";
    if (name === "start_time" || name === "end_time") return time(value);
    if (name === "duration") return duration(value);
    if (name === "experiment_id") return this.page.experimentName(value);
    return parseField(name).kind === "metrics" ? number(value) : String(value);
  }

  mark() {
    this.body.querySelector(".active")?.classList.remove("active");
    const row = this.body.querySelector(`#row-${this.active}`);
    row?.classList.add("active");
    if (row) this.element.setAttribute("aria-activedescendant", row.id);
    else this.element.removeAttribute("aria-activedescendant");
  }

  move(index) {
    if (!this.pages?.length) return;
    this.active = Math.max(0, Math.min(this.pages.length - 1, index));
    const top = this.active * ROW;
    const room = this.element.clientHeight - 2 * ROW;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top > this.element.scrollTop + room) this.element.scrollTop = top - room;
    this.draw();
    this.mark();
  }

  toggle(index, range = false) {
    const runId = this.pages.get(index, "run_id");
    if (runId === null) return;
    const on = !this.page.isSelected(runId);
    const [from, to] = range ? [this.anchor, index].sort((a, b) => a - b) : [index, index];
    const ids = [];
    for (let at = from; at <= to; at++) ids.push(this.pages.get(at, "run_id"));
    this.anchor = index;
    this.page.select(ids, on);
    this.draw(true);
  }

  open(index) {
    const id = this.pages?.get(index, "run_id");
    if (id) location.href = mlflowRun(this.pages.get(index, "experiment_id"), id);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.element) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 2);
    const moves = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page };
    if (event.key in moves) this.move(this.active + moves[event.key]);
    else if (event.key === "Home" && this.pages.previous) this.page.toStart();
    else if (event.key === "Home") this.move(0);
    else if (event.key === "End") this.move(this.pages.length - 1);
    else if (event.key === " " || event.key === "x") this.toggle(this.active, event.shiftKey);
    else if (event.key === "Enter") this.open(this.active);
    else return;
    event.preventDefault();
  }

  onClick(event) {
    const row = event.target.closest("tr[data-index]");
    if (!row || event.target.closest("a")) return;
    this.active = Number(row.dataset.index);
    this.element.focus({ preventScroll: true });
    if (event.target.closest(".pick")) {
      event.preventDefault();
      this.toggle(this.active, event.shiftKey);
    } else this.mark();
  }
}

const isNumber = (name) => parseField(name).kind === "metrics" || name === "duration";

function widthOf(name) {
  if (name === "run_name") return window.innerWidth <= 520 ? 148 : 216;
  if (["start_time", "end_time"].includes(name)) return 138;
  if (["status", "duration"].includes(name)) return 96;
  if (["experiment_id", "user_id"].includes(name)) return 150;
  // Wide enough for its name, as far as that is short.
  return Math.max(104, Math.min(190, 34 + 7 * fieldLabel(name).length));
}

function column(width) {
  const element = h("col");
  element.style.width = `${width}px`;
  return element;
}

function spacer(height) {
  const row = h("tr", { class: "spacer", "aria-hidden": "true" }, h("td"));
  row.style.height = `${height}px`;
  return row;
}
