// A panel that opens below a button: lists to choose from, small forms.

import { h } from "./dom.js";

let current = null;

function close(refocus) {
  if (current === null) return;
  const { button, panel } = current;
  current = null;
  panel.remove();
  button.setAttribute("aria-expanded", "false");
  if (refocus) button.focus();
}

export const closeMenu = () => close(true);

function place(button, panel) {
  const box = button.getBoundingClientRect();
  const width = Math.min(340, window.innerWidth - 16);
  panel.style.width = `${width}px`;
  panel.style.left = `${Math.max(8, Math.min(box.left, window.innerWidth - width - 8))}px`;
  panel.style.top = `${box.bottom + 4}px`;
  panel.style.maxHeight = `${Math.max(160, window.innerHeight - box.bottom - 16)}px`;
}

/** Have a button open a panel; `fill` puts into it what is to be seen, each time it opens. */
export function menu(button, label, fill) {
  button.addEventListener("click", () => {
    const again = current?.button === button;
    close(false);
    if (again) return;
    const panel = h("div", { class: "menu", role: "dialog", "aria-label": label });
    current = { button, panel };
    button.setAttribute("aria-expanded", "true");
    fill(panel);
    document.body.append(panel);
    place(button, panel);
    panel.querySelector("input, button")?.focus();
  });
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && current !== null) {
    event.preventDefault();
    close(true);
  }
});
document.addEventListener("pointerdown", (event) => {
  if (current && !current.panel.contains(event.target) && !current.button.contains(event.target)) close(false);
});
window.addEventListener("resize", () => close(false));

/**
 * Fill a panel with a list of checkboxes and a box to find one by a part of its name.
 *
 * `groups` are [title, [value, label][]]; `has` says whether a value is chosen, `toggle` is told of a
 * change; `typed`, where given, takes what was typed and stands in no group.
 */
export function choices(panel, groups, has, toggle, typed = null) {
  const find = h("input", { type: "search", placeholder: "Find", "aria-label": "Find", autocomplete: "off" });
  const list = h("div", { class: "choices" });
  const draw = () => {
    const part = find.value.trim().toLowerCase();
    list.replaceChildren();
    for (const [title, items] of groups) {
      const fitting = items.filter(([, label]) => label.toLowerCase().includes(part)).slice(0, 300);
      if (!fitting.length) continue;
      list.append(h("h3", { text: title }));
      for (const [value, label] of fitting) {
        const box = h("input", { type: "checkbox", onchange: () => toggle(value, box.checked) });
        box.checked = has(value);
        list.append(h("label", { class: "choice" }, box, h("span", { text: label, title: label })));
      }
    }
    const other = typed?.(find.value.trim());
    if (other) list.append(other);
    if (!list.children.length) list.append(h("p", { class: "dim", text: "None" }));
  };
  find.addEventListener("input", draw);
  panel.append(find, list);
  draw();
}
