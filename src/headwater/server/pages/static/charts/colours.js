// Colours of lines that most people can tell apart, on white and on black.

import { h } from "../dom.js";

const LIGHT = ["#1f77a4", "#d1670f", "#2b8a4e", "#b8336a", "#6a5acd", "#8a6d1d", "#0f8f8f", "#c0392b", "#5d6d7e", "#9a4fb0"];
const DARK = ["#5ab4e0", "#f0964a", "#63c58a", "#ec7aa8", "#a79bf0", "#d2b455", "#4fd0cf", "#f0877b", "#a9b7c4", "#cf8fe2"];
const DASHES = ["solid", "dash", "dot", "dashdot"];

/** The switch decides; without a choice the system does. */
export function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme === undefined ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "dark";
}

/** Return {colour, dash} of the line with a number. */
export function styleOf(index) {
  const colours = isDark() ? DARK : LIGHT;
  const dash = DASHES[Math.floor(index / colours.length) % DASHES.length];
  return { colour: colours[index % colours.length], dash };
}

/** Return a colour, `#rrggbb` or `rgb(r, g, b)`, of which only a share covers what is below. */
export function faint(colour, share) {
  const hex = (at) => Number.parseInt(colour.slice(at, at + 2), 16);
  const parts = colour.startsWith("#") ? [1, 3, 5].map(hex) : colour.match(/\d+/g).slice(0, 3);
  return `rgba(${parts.join(", ")}, ${share})`;
}

/** What the page's style sheet says of charts, as colours that need no style sheet. */
export function pageColours() {
  const probe = h("span", { hidden: true });
  document.body.append(probe);
  // A variable is a text, "light-dark(...)": only as the colour of an element is it one of the two.
  const of = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const names = { text: "--chart-text", strong: "--text", grid: "--chart-grid", surface: "--surface", line: "--line-strong", accent: "--accent" };
  const colours = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, of(name)]));
  probe.remove();
  return { ...colours, font: getComputedStyle(document.documentElement).getPropertyValue("--sans").trim() };
}
