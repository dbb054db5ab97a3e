// Colours of lines that most people can tell apart, on white and on black.

const LIGHT = ["#1f77a4", "#d1670f", "#2b8a4e", "#b8336a", "#6a5acd", "#8a6d1d", "#0f8f8f", "#c0392b", "#5d6d7e", "#9a4fb0"];
const DARK = ["#5ab4e0", "#f0964a", "#63c58a", "#ec7aa8", "#a79bf0", "#d2b455", "#4fd0cf", "#f0877b", "#a9b7c4", "#cf8fe2"];
const DASHES = ["solid", "dash", "dot", "dashdot"];

export const isDark = () => getComputedStyle(document.documentElement).colorScheme === "dark";

/** Return {colour, dash} of the line with a number. */
export function styleOf(index) {
  const colours = isDark() ? DARK : LIGHT;
  const dash = DASHES[Math.floor(index / colours.length) % DASHES.length];
  return { colour: colours[index % colours.length], dash };
}

export function faint(colour, share) {
  const part = (at) => Number.parseInt(colour.slice(at, at + 2), 16);
  return `rgba(${part(1)}, ${part(3)}, ${part(5)}, ${share})`;
}

/** What the page's style sheet says of charts. */
export function pageColours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return { text: of("--chart-text"), strong: of("--text"), grid: of("--chart-grid"), surface: of("--surface"), line: of("--line-strong"), font: of("--sans") };
}
