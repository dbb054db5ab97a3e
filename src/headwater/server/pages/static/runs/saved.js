// Saved searches: those of the place, and saving this one.

import { createSaved, deleteSaved, listSaved, updateSaved } from "../api.js";
import { announce, h, icon } from "../dom.js";
import { closeMenu } from "../menu.js";
import { combined, spelled } from "./fields.js";

const ORDER = /^(?:attributes?\.)?(?:(metrics|params|tags)\.)?[`"]?(.+?)[`"]?(?:\s+(ASC|DESC))?$/is;

/** Return the place that a state searches, as saved searches name it. */
export function placeOf(state) {
  if (state.experiments.length === 1) return { experiment_id: state.experiments[0] };
  return state.project ? { project: state.project } : {};
}

/** Return what a saved search says, as a change of the state; pure. */
export function stateOf(saved) {
  const changes = {
    q: saved.filter,
    facets: [],
    columns: saved.columns.length ? saved.columns : null,
    project: saved.project ?? null,
    experiments: saved.experiment_id ? [saved.experiment_id] : [],
  };
  const order = ORDER.exec(saved.order_by[0] ?? "");
  if (order === null) return changes;
  const [, kind, key, direction] = order;
  const field = kind ? `${kind}.${key}` : key;
  return { ...changes, sort: { field, descending: direction?.toUpperCase() === "DESC" } };
}

/** Return this search, as saved searches write it; pure. */
export function searchOf(state, columns) {
  return {
    filter: combined(state.q, state.facets),
    order_by: [`${spelled(state.sort.field) ?? "attributes.start_time"} ${state.sort.descending ? "DESC" : "ASC"}`],
    columns,
  };
}

/** Fill the menu; `page` has `state`, `columns()` and `apply(changes)`. */
export async function fillSaved(panel, page) {
  const list = h("div", { class: "choices" }, h("p", { class: "dim", text: "…" }));
  const problem = h("p", { class: "wrong", role: "alert" });
  const name = h("input", { type: "text", maxlength: 250, required: true, placeholder: "Name", "aria-label": "Name of this search" });
  const failed = (error) => (problem.textContent = error.message);
  const form = h(
    "form",
    {
      class: "save",
      onsubmit: (event) => {
        event.preventDefault();
        const search = { name: name.value, ...placeOf(page.state), ...searchOf(page.state, page.columns()) };
        createSaved(search).then(() => {
          announce(`Saved ${name.value}`);
          closeMenu();
        }, failed);
      },
    },
    name,
    h("button", { class: "button primary", text: "Save" }),
  );
  panel.append(list, problem, h("h3", { text: "Save this search" }), form);
  const draw = async () => {
    const { saved_searches: found } = await listSaved(placeOf(page.state));
    const rows = found.map((saved) => row(saved, page, draw, failed));
    list.replaceChildren(...(rows.length ? rows : [h("p", { class: "dim", text: "No saved searches here yet" })]));
  };
  await draw().catch(failed);
}

function row(saved, page, draw, failed) {
  const open = h("button", { type: "button", class: "quiet wide", title: saved.filter || "all runs" }, h("span", { text: saved.name }));
  open.addEventListener("click", () => {
    closeMenu();
    page.apply(stateOf(saved));
  });
  const again = h("button", { type: "button", class: "quiet small", text: "Update", title: "Save what is shown now under this name" });
  again.addEventListener("click", () => {
    const search = { search_id: saved.search_id, ...searchOf(page.state, page.columns()) };
    updateSaved(search).then(() => announce(`Updated ${saved.name}`)).then(draw).catch(failed);
  });
  const remove = h("button", { type: "button", class: "quiet small", "aria-label": `Delete ${saved.name}` }, icon("close"));
  remove.addEventListener("click", () => {
    if (confirm(`Delete the saved search “${saved.name}”? The runs stay.`)) deleteSaved(saved.search_id).then(draw).catch(failed);
  });
  return h("div", { class: "saved" }, open, again, remove);
}
