// Values as people read them.

const NUMBER = new Intl.NumberFormat("en", { maximumSignificantDigits: 5, useGrouping: false });
const WHOLE = new Intl.NumberFormat("en");
const LARGEST = 1.7976931348623157e308;

export const whole = (count) => WHOLE.format(count);

/** Return a text, or its beginning and an ellipsis: `most` characters, but of its own one at least. */
export const shortened = (text, most) => (text.length > most ? `${text.slice(0, Math.max(1, most - 1))}…` : text);

export function number(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value; // NaN
  if (Math.abs(value) >= LARGEST) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(3);
  return NUMBER.format(value);
}

const pad = (value) => String(value).padStart(2, "0");

/** Milliseconds since 1970 as local time. */
export function time(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "";
  const at = new Date(milliseconds);
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `${day} ${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "";
  const seconds = milliseconds / 1000;
  if (seconds < 1) return `${Math.round(milliseconds)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${Math.floor(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}
