// Facets: the values that there are, and how many runs have each; a histogram of what is a number.

import { searchTable } from "../api.js";
import { h, icon } from "../dom.js";
import { number, whole } from "../format.js";
import { combined, fieldLabel, parseField, quoted, spelled } from "./fields.js";

const MOST_VALUES = 8;
const BINS = 24;

/**
 * `page` has `state`, `experimentIds()`, `setFacet(field, facet or null)`, `hideFacet(field)`.
 */
export class Facets {
  constructor(element, page) {
    this.element = element;
    this.page = page;
    this.aborted = new AbortController();
  }

  /** Draw all facets and ask what is in each, one after another: the table comes first. */
  async show(fields) {
    this.aborted.abort();
    this.aborted = new AbortController();
    const { signal } = this.aborted;
    const blocks = fields.map((field) => this.block(field));
    this.element.replaceChildren(...blocks.map(({ element }) => element));
    for (const { field, body } of blocks) {
      if (signal.aborted) return;
      try {
        await this.fill(field, body, signal);
      } catch (error) {
        if (error.name === "AbortError") return;
        body.replaceChildren(h("p", { class: "dim small", text: error.message.split("\n")[0] }));
      }
    }
  }

  block(field) {
    const chosen = this.chosen(field);
    const body = h("div", { class: "facet-body" }, h("p", { class: "dim small", text: "…" }));
    const clear = h("button", { type: "button", class: "quiet small", text: "any", "aria-label": `Any ${fieldLabel(field)}`, onclick: () => this.page.setFacet(field, null) });
    const remove = h("button", { type: "button", class: "quiet small", "aria-label": `Remove the facet ${fieldLabel(field)}`, onclick: () => this.page.hideFacet(field) }, icon("close"));
    const head = h("div", { class: "side-head" }, h("h3", { text: fieldLabel(field), title: field }), chosen ? clear : null, remove);
    return { field, body, element: h("div", { class: "facet", "data-field": field }, head, body) };
  }

  chosen(field) {
    return this.page.state.facets.find((facet) => facet.field === field) ?? null;
  }

  async fill(field, body, signal) {
    const name = spelled(field);
    const request = {
      experiment_ids: this.page.experimentIds(),
      filter: combined(this.page.state.q, this.page.state.facets, field),
    };
    if (name === null || !request.experiment_ids.length) {
      body.replaceChildren(h("p", { class: "dim small", text: "No runs" }));
    } else if (parseField(field).kind === "metrics" || field === "duration") {
      const answer = await searchTable({ ...request, histogram: name, bins: BINS }, signal);
      body.replaceChildren(...this.histogram(field, answer));
    } else {
      const distinct = field.includes(".") ? name : field;
      const answer = await searchTable({ ...request, distinct, max_results: 200 }, signal);
      body.replaceChildren(...this.values(field, answer));
    }
  }

  values(field, { columns }) {
    const column = Object.keys(columns).find((name) => name !== "count");
    const chosen = this.chosen(field)?.values ?? [];
    const rows = columns[column].map((value, index) => ({ value, count: columns.count[index] }));
    for (const value of chosen) if (!rows.some((row) => row.value === value)) rows.push({ value, count: 0 });
    const most = Math.max(1, ...rows.map((row) => row.count));
    const draw = (limit) => rows.slice(0, limit).map((row) => this.value(field, row, most, chosen));
    const list = h("div", {}, ...draw(MOST_VALUES));
    if (!rows.length) return [h("p", { class: "dim small", text: "No runs" })];
    if (rows.length <= MOST_VALUES) return [list];
    const more = h("button", { type: "button", class: "quiet small", text: `${whole(rows.length - MOST_VALUES)} more` });
    more.addEventListener("click", () => {
      list.replaceChildren(...draw(rows.length));
      more.remove();
    });
    return [list, more];
  }

  value(field, { value, count }, most, chosen) {
    const box = h("input", { type: "checkbox" });
    box.checked = chosen.includes(value);
    const impossible = value !== null && quoted(String(value)) === null;
    box.disabled = impossible;
    box.addEventListener("change", () => {
      const values = box.checked ? [...chosen, value] : chosen.filter((other) => other !== value);
      this.page.setFacet(field, values.length ? { field, values } : null);
    });
    const text = value === null ? "none" : this.shown(field, value);
    const bar = h("span", { class: "bar-of", "aria-hidden": "true" });
    bar.style.width = `${(100 * count) / most}%`;
    const title = impossible ? "A search cannot name a text with both kinds of quotes or a backslash" : text;
    return h(
      "label",
      { class: "facet-value", title },
      bar,
      box,
      h("span", { class: value === null ? "text dim" : "text", text }),
      h("span", { class: "count", text: whole(count) }),
    );
  }

  shown(field, value) {
    if (field === "experiment_id") return this.page.experimentName(value);
    return field === "status" ? value.toLowerCase() : String(value);
  }

  histogram(field, { columns, facts }) {
    const chosen = this.chosen(field) ?? { field, from: null, to: null };
    const most = Math.max(1, ...columns.count);
    const bars = h("div", { class: "bins" });
    columns.count.forEach((count, index) => {
      const [from, to] = [columns.from[index], columns.to[index]];
      const text = `${number(from)} to ${number(to)}: ${whole(count)} runs`;
      const inside = (chosen.from === null || to > chosen.from) && (chosen.to === null || from < chosen.to);
      const fill = h("span");
      fill.style.height = `${count ? Math.max(4, (100 * count) / most) : 0}%`;
      bars.append(
        h("button", { type: "button", tabindex: -1, class: inside ? "bin" : "bin out", title: text, "aria-label": text, onclick: () => this.page.setFacet(field, { field, from, to }) }, fill),
      );
    });
    const input = (name, label) => {
      const box = h("input", { type: "text", inputmode: "decimal", "aria-label": `${fieldLabel(field)} ${label}`, placeholder: label === "from" ? number(columns.from[0]) : number(columns.to.at(-1)) });
      box.value = chosen[name] === null ? "" : String(chosen[name]);
      box.addEventListener("change", () => {
        const value = box.value.trim() === "" ? null : Number(box.value);
        if (Number.isNaN(value)) {
          box.setAttribute("aria-invalid", "true");
          return;
        }
        const facet = { ...chosen, [name]: value };
        this.page.setFacet(field, facet.from === null && facet.to === null ? null : facet);
      });
      return box;
    };
    const limits = h("div", { class: "limits" }, input("from", "from"), h("span", { text: "–", "aria-hidden": "true" }), input("to", "to"));
    const without = facts?.without ? [h("p", { class: "dim small", text: `${whole(facts.without)} runs have none` })] : [];
    return columns.count.length ? [bars, limits, ...without] : [h("p", { class: "dim small", text: "No run has one" })];
  }
}
