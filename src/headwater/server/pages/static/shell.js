// What every page has: the theme, the list of shortcuts, and the way to the other pages.

import { announce, byId } from "./dom.js";

const THEME = "headwater.theme";
const THEMES = ["system", "light", "dark"];

function theme() {
  return document.documentElement.dataset.theme ?? "system";
}

function setTheme(name) {
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  try {
    if (name === "system") localStorage.removeItem(THEME);
    else localStorage.setItem(THEME, name);
  } catch {
    // Storage is forbidden: the choice lasts as long as the page.
  }
  describe();
  document.dispatchEvent(new Event("themechange"));
}

function describe() {
  const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];
  const button = byId("theme");
  button.setAttribute("aria-label", `Theme: ${theme()}. Switch to ${next}`);
  button.title = `Theme: ${theme()} (t)`;
}

function nextTheme() {
  setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
  announce(`Theme: ${theme()}`);
}

const pressed = new Map();

/** Have a key do something wherever no text is being written. */
export function shortcut(key, work) {
  pressed.set(key, work);
}

function writes(element) {
  if (element.isContentEditable || element.tagName === "SELECT") return true;
  if (element.tagName === "TEXTAREA") return true;
  return element.tagName === "INPUT" && !["checkbox", "radio", "range"].includes(element.type);
}

let leading = false;

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (writes(event.target) || document.querySelector("dialog[open]")) return;
  if (leading) {
    leading = false;
    const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
      return;
    }
  }
  if (event.key === "g") {
    leading = true;
    setTimeout(() => (leading = false), 1500);
    return;
  }
  const work = pressed.get(event.key);
  if (work) {
    event.preventDefault();
    work(event);
  }
}

function openSide(toggle, open) {
  byId("side").classList.toggle("open", open);
  toggle.setAttribute("aria-expanded", String(open));
  if (open) byId("side").querySelector("a, input, button")?.focus();
}

document.addEventListener("keydown", onKey);
byId("theme").addEventListener("click", nextTheme);
byId("help").addEventListener("click", () => byId("shortcuts").showModal());
shortcut("t", nextTheme);
shortcut("?", () => byId("shortcuts").showModal());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
  document.dispatchEvent(new Event("themechange")),
);
describe();

const toggle = byId("side-toggle");
if (toggle) {
  toggle.addEventListener("click", () => openSide(toggle, !byId("side").classList.contains("open")));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && byId("side").classList.contains("open")) {
      openSide(toggle, false);
      toggle.focus();
    }
  });
  document.addEventListener("click", (event) => {
    const side = byId("side");
    if (side.classList.contains("open") && !side.contains(event.target) && !toggle.contains(event.target))
      openSide(toggle, false);
  });
}
