// Colours from the worst to the best value: the better, the farther from the ground they stand on.

import { isDark } from "../charts/colours.js";

const LIGHT = ["#e5b83f", "#7db36d", "#2f9490", "#22648f", "#35206b"];
const DARK = ["#5d4a97", "#3b7bb5", "#2fae9f", "#9ad765", "#fff27d"];
export const STEPS = 24;

/** Return the colours of all steps, the worst first. */
export function gradient() {
  const stops = isDark() ? DARK : LIGHT;
  return Array.from({ length: STEPS }, (_, step) => {
    const at = (step / (STEPS - 1)) * (stops.length - 1);
    const first = Math.min(stops.length - 2, Math.floor(at));
    return mixed(stops[first], stops[first + 1], at - first);
  });
}

/** Return the step of a place on the axis of the metric, -1 of a run without a value. */
export function stepOf(place, direction) {
  if (Number.isNaN(place)) return -1;
  const good = direction === "min" ? 1 - place : place;
  return Math.min(STEPS - 1, Math.floor(good * STEPS));
}

function mixed(one, other, share) {
  const part = (colour, at) => Number.parseInt(colour.slice(at, at + 2), 16);
  const parts = [1, 3, 5].map((at) => Math.round(part(one, at) * (1 - share) + part(other, at) * share));
  return `#${parts.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
