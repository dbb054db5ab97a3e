// The form of the question: what is written in it, what may be chosen, what the server says is wrong.

import { byId, h } from "../dom.js";
import { fieldOf, TESTS } from "./state.js";

const TEXTS = ["candidate", "filter", "metric", "reduction", "paired_by", "margin", "test_share", "alpha", "power"];
const KEEP = "keep";

export class Form {
  constructor() {
    this.state = null;
    this.columns = new Map();
    byId("group_by").addEventListener("input", () => this.offerValues());
    byId("test").replaceChildren(...TESTS.map(([value, text]) => h("option", { value, text })));
    for (const radio of this.radios("mode")) radio.addEventListener("change", () => this.showMode());
    byId("test").addEventListener("change", () => this.showShare());
    byId("add-group").addEventListener("click", () => {
      this.addGroup({ name: "", filter: "" });
      byId("groups").lastElementChild.querySelector(".code").focus();
    });
  }

  radios(name) {
    return [...document.querySelectorAll(`#ask input[name="${name}"]`)];
  }

  chosen(name) {
    return this.radios(name).find((radio) => radio.checked)?.value ?? "";
  }

  /** Write a state into the form. */
  show(state) {
    this.state = state;
    for (const name of ["mode", "direction"]) for (const radio of this.radios(name)) radio.checked = radio.value === state[name];
    for (const name of TEXTS) byId(name).value = state[name];
    byId("group_by").value = state.group_by.join(", ");
    byId("test").value = TESTS.some(([value]) => value === state.test) ? state.test : "auto";
    byId("missing").value = ["refuse", "worst"].includes(state.missing) ? state.missing : "omit";
    if (["test", "alpha", "power", "missing"].some((name) => state[name])) byId("options").open = true;
    byId("groups").replaceChildren();
    for (const group of state.groups.length ? state.groups : [{ name: "", filter: "" }, { name: "", filter: "" }]) this.addGroup(group);
    this.showMode();
    this.showShare();
    this.showSelection();
  }

  /** Return the state that is written in the form. */
  read() {
    const state = { ...this.state, mode: this.chosen("mode"), direction: this.chosen("direction") };
    for (const name of TEXTS) state[name] = byId(name).value.trim();
    state.group_by = byId("group_by").value.split(",").map((name) => name.trim()).filter(Boolean);
    state.test = byId("test").value === "auto" ? "" : byId("test").value;
    if (state.test !== "corrected-t") state.test_share = "";
    state.missing = byId("missing").value === "omit" ? "" : byId("missing").value;
    state.groups = [...byId("groups").children].map((row) => ({ name: row.querySelector(".group-name").value.trim(), filter: row.querySelector(".code").value.trim() }));
    const place = byId("place").value;
    if (place !== KEEP) Object.assign(state, { project: null, experiments: place ? [place] : [] });
    return state;
  }

  showMode() {
    const filters = this.chosen("mode") === "filters";
    byId("by-filters").hidden = !filters;
    byId("by-columns").hidden = filters;
    byId("selection").hidden = filters || !this.state.selected.length;
  }

  showShare() {
    byId("share-entry").hidden = byId("test").value !== "corrected-t";
  }

  showSelection() {
    const count = this.state.selected.length;
    const drop = h("button", { type: "button", class: "quiet small", text: "All runs instead", onclick: () => {
      this.state = { ...this.state, selected: [] };
      this.showMode();
    } });
    byId("selection").replaceChildren(h("span", { text: count === 1 ? "Of one selected run" : `Of ${count} selected runs` }), drop);
  }

  addGroup({ name, filter }) {
    const row = h("li", { class: "group" });
    const first = () => {
      byId("groups").prepend(row);
      this.numberGroups();
      row.querySelector(".group-name").focus();
    };
    const drop = () => {
      row.remove();
      this.numberGroups();
      byId("add-group").focus();
    };
    const nameBox = h("input", { class: "group-name", placeholder: "Name", spellcheck: "false" });
    const filterBox = h("input", { class: "code", placeholder: "params.model = 'large'", spellcheck: "false" });
    nameBox.value = name;
    filterBox.value = filter;
    row.append(
      h("div", { class: "group-head" }, h("span", { class: "role" }), h("button", { type: "button", class: "quiet small lead", text: "Make it the candidate", onclick: first }), h("button", { type: "button", class: "quiet small drop", text: "Remove", onclick: drop })),
      nameBox,
      h("div", { "data-field": "groups" }, filterBox),
    );
    byId("groups").append(row);
    this.numberGroups();
  }

  numberGroups() {
    const rows = [...byId("groups").children];
    rows.forEach((row, at) => {
      const role = at === 0 ? "Candidate" : rows.length > 2 ? `Against ${at}` : "Against";
      row.querySelector(".role").textContent = role;
      row.querySelector(".lead").hidden = at === 0;
      row.querySelector(".drop").hidden = rows.length < 3;
      row.querySelector(".group-name").setAttribute("aria-label", `${role}: name`);
      row.querySelector(".code").setAttribute("aria-label", `${role}: filter`);
    });
  }

  /** Offer what the runs have. */
  offer({ experiments, metrics, columns }) {
    const fill = (id, values) => byId(id).replaceChildren(...values.map((value) => h("option", { value })));
    fill("known-metrics", metrics);
    fill("known-columns", [...columns].filter(([, values]) => values.size > 1).map(([name]) => name));
    this.columns = columns;
    this.offerValues();
    const { project, experiments: chosen } = this.state;
    const option = (value, text) => h("option", { value, text });
    const all = option("", "All experiments");
    const several = project !== null ? option(KEEP, `Project ${project}`) : chosen.length > 1 ? option(KEEP, `${chosen.length} experiments`) : null;
    const known = experiments.map(({ experiment_id: id, name }) => option(id, name));
    const lone = chosen.length === 1 && !experiments.some(({ experiment_id: id }) => id === chosen[0]) ? [option(chosen[0], `Experiment ${chosen[0]}`)] : [];
    byId("place").replaceChildren(...(several ? [several] : []), all, ...known, ...lone);
    byId("place").value = several ? KEEP : (chosen[0] ?? "");
  }

  offerValues() {
    const values = this.columns.get(byId("group_by").value.trim()) ?? new Map();
    byId("known-values").replaceChildren(...[...values.keys()].slice(0, 100).map((value) => h("option", { value })));
  }

  clearProblems() {
    for (const each of document.querySelectorAll("#ask .wrong")) each.remove();
    for (const each of document.querySelectorAll("#ask [aria-invalid]")) {
      each.removeAttribute("aria-invalid");
      each.removeAttribute("aria-describedby");
    }
  }

  /** Show an error at the field that it is about; false where it is about none of them. */
  fail(message) {
    const entry = this.entryOf(fieldOf(message), message);
    if (!entry) return false;
    const [said, ...place] = message.split("\n");
    const picture = h("pre", { text: place.join("\n") });
    entry.append(h("div", { class: "wrong", role: "alert", id: "wrong" }, h("p", { text: said.replace(/^Invalid value for parameter '[^']*': /, "") }), place.length ? picture : null));
    const longest = Math.max(...place.map((line) => line.length), 1);
    const caret = Math.max(...place.map((line) => line.indexOf("^")), 0);
    picture.scrollLeft = (picture.scrollWidth * caret) / longest - picture.clientWidth / 2;
    const box = entry.querySelector("input, select");
    box.setAttribute("aria-invalid", "true");
    box.setAttribute("aria-describedby", "wrong");
    byId("ask-details").open = true;
    if (byId("options").contains(entry)) byId("options").open = true;
    box.focus();
    const column = /column (\d+)/.exec(message);
    if (column && box.classList.contains("code")) box.setSelectionRange(Number(column[1]) - 1, Number(column[1]) - 1);
    return true;
  }

  entryOf({ name, number }, message) {
    if (name === null) return null;
    const filters = this.chosen("mode") === "filters";
    const rows = [...byId("groups").children];
    if (name === "group") {
      if (!filters) return document.querySelector('#ask [data-field="filter"]');
      const row = rows.find((each) => [".group-name", ".code"].some((part) => named(message, each.querySelector(part).value.trim())));
      return row?.querySelector("[data-field]") ?? null;
    }
    if (name === "groups") return filters ? (rows[number ?? 0]?.querySelector("[data-field]") ?? null) : null;
    if (name === "group_by" && filters) return null;
    return [...document.querySelectorAll("#ask [data-field]")].find((entry) => entry.dataset.field === name && !entry.closest("[hidden]")) ?? null;
  }
}

const named = (message, text) => text !== "" && (message.includes(`'${text}'`) || message.includes(`"${text}"`));
