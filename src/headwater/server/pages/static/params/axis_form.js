// The axes as a list of labelled fields: order, scale, and all that can be brushed, for the keyboard.

import { h, icon, replaceSoon } from "../dom.js";
import { number, whole } from "../format.js";
import { closeMenu, menu } from "../menu.js";

const NONE = [["in", "and runs without"], ["out", "no runs without"], ["only", "only runs without"]];

/** Draw it; `page` has `move(field, by)`, `remove(field)`, `scale(field, scale)`, `brush(field, brush or null)`. */
export function drawAxisForm(element, axes, brushes, page) {
  replaceSoon(element, () => axes.map((axis, at) => row(axis, at, axes.length, brushes.find(({ field }) => field === axis.field) ?? null, page)));
}

function row(axis, at, count, brush, page) {
  const { field, label } = axis;
  const move = (by, text, sign) => {
    const end = at + by < 0 || at + by >= count;
    return h("button", { type: "button", class: "quiet small", "aria-label": `${text}: ${label}`, title: text, "data-focus": `${field} ${by}`, disabled: end, onclick: () => page.move(field, by) }, h("span", { "aria-hidden": "true", text: sign }));
  };
  const remove = h("button", { type: "button", class: "quiet small", "aria-label": `Remove the axis ${label}`, onclick: () => page.remove(field) }, icon("close"));
  const clear = brush && h("button", { type: "button", class: "quiet small", "aria-label": `Any ${label}`, text: "any", onclick: () => page.brush(field, null) });
  return h(
    "li",
    { class: brush ? "axis brushed" : "axis", "data-field": field },
    move(-1, "To the left", "←"),
    move(1, "To the right", "→"),
    h("span", { class: "axis-name", title: field, text: label }),
    axis.kind === "number" ? scaleOf(axis, page) : null,
    axis.kind === "number" ? limits(axis, brush, page) : values(axis, brush, page),
    clear,
    remove,
  );
}

function scaleOf({ field, label, scale, canLog }, page) {
  const select = h(
    "select",
    { "aria-label": `Scale of ${label}`, "data-focus": `${field} scale`, onchange: () => page.scale(field, select.value) },
    h("option", { value: "linear", text: "linear" }),
    h("option", { value: "log", text: "log", disabled: !canLog }),
  );
  select.value = scale;
  return select;
}

function limits(axis, brush, page) {
  const { field, label, lane } = axis;
  const given = brush ?? { field, from: null, to: null, none: "in" };
  const set = (changes) => {
    const next = { field, from: given.from, to: given.to, none: given.none, ...changes };
    // Who sets a limit means the runs that have a value.
    if (!brush && changes.none === undefined) next.none = "out";
    page.brush(field, next.from === null && next.to === null && next.none === "in" ? null : next);
  };
  const input = (name, text, low) => {
    const box = h("input", { type: "text", inputmode: "decimal", "aria-label": `${label} ${text}`, "data-focus": `${field} ${name}`, placeholder: number(low) });
    box.value = given[name] === null || given[name] === undefined ? "" : String(given[name]);
    box.addEventListener("change", () => {
      const value = box.value.trim() === "" ? null : Number(box.value);
      if (Number.isNaN(value)) box.setAttribute("aria-invalid", "true");
      else set({ [name]: value });
    });
    return box;
  };
  const none = h("select", { "aria-label": `Runs without ${label}`, "data-focus": `${field} none`, onchange: () => set({ none: none.value }) }, ...NONE.map(([value, text]) => h("option", { value, text: value === "in" ? `${text} (${whole(lane)})` : text })));
  none.value = given.none ?? "out";
  const shown = lane > 0 || none.value === "only";
  return h("span", { class: "limits" }, input("from", "from", axis.low), h("span", { text: "–", "aria-hidden": "true" }), input("to", "to", axis.high), shown ? none : null);
}

function values(axis, brush, page) {
  const { field, label, categories, lane } = axis;
  const all = [...categories, ...(lane ? [null] : [])];
  const chosen = brush?.values ?? all;
  const button = h("button", { type: "button", class: "button", "aria-label": `Values of ${label}`, "aria-haspopup": "true", "aria-expanded": "false", "data-focus": `${field} values` }, brush ? `${whole(chosen.length)} of ${whole(all.length)} values` : `all ${whole(all.length)} values`, icon("down"));
  menu(button, `Values of ${label}`, (panel) => {
    let wanted = new Set(chosen);
    const list = h("div", { class: "choices" });
    for (const value of all) {
      const box = h("input", { type: "checkbox" });
      box.checked = wanted.has(value);
      box.addEventListener("change", () => {
        if (box.checked) wanted.add(value);
        else wanted.delete(value);
      });
      list.append(h("label", { class: "choice" }, box, h("span", { class: value === null ? "dim" : null, text: value === null ? `none (${whole(lane)})` : value })));
    }
    const flip = (on) => {
      wanted = new Set(on ? all : []);
      for (const box of list.querySelectorAll("input")) box.checked = on;
    };
    const apply = () => {
      closeMenu();
      page.brush(field, wanted.size === all.length ? null : { field, values: all.filter((value) => wanted.has(value)) });
    };
    panel.append(
      h("div", { class: "save" }, h("button", { type: "button", class: "quiet small", text: "All", onclick: () => flip(true) }), h("button", { type: "button", class: "quiet small", text: "None of them", onclick: () => flip(false) })),
      list,
      h("button", { type: "button", class: "button primary", text: "Show these", onclick: apply }),
    );
  });
  return button;
}
