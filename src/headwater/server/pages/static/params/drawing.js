// The drawing of parallel coordinates: where axes and lines are, and how a pen draws them.

import { number, shortened, whole } from "../format.js";
import { marked } from "./axes.js";
import { STEPS, stepOf } from "./gradient.js";

export const HEIGHT = 380;
const TOP = 62;
const LANE = 34;
const BOTTOM = 18;
const FOR_LANE = 40;
const SIDE = 58;
const LETTER = 6.3;
const BOLD = 7.6;
const LEAST_APART = 92;
const NARROW = 480;
/** Of more lines each is as thin as can be, which is drawn ten times as quickly. */
const MANY = 1000;

/** Return where things are: {room, width, height, xs, apart, y(place), lane}. */
export function geometry(axes, room, height = HEIGHT) {
  const gaps = Math.max(1, axes.length - 1);
  const apart = Math.max(LEAST_APART, (room - 2 * SIDE) / gaps);
  const width = Math.max(room, Math.ceil(gaps * apart + 2 * SIDE));
  const bottom = height - BOTTOM - (axes.some((axis) => axis.lane) ? FOR_LANE : 0);
  const xs = axes.length === 1 ? [width / 2] : axes.map((_, at) => SIDE + at * apart);
  return { room, width, height, xs, apart, top: TOP, bottom, lane: bottom + LANE, y: (place) => bottom - place * (bottom - TOP) };
}

/** Return the line of a run: x, y, x, y, …; where it has no value it goes through the lane below the axis. */
export function lineOf(run, axes, { xs, y, lane }) {
  const points = new Float64Array(2 * Math.max(2, axes.length));
  axes.forEach(({ places }, at) => {
    points[2 * at] = xs[at];
    points[2 * at + 1] = Number.isNaN(places[run]) ? lane : y(places[run]);
  });
  if (axes.length === 1) points.set([xs[0] - 14, points[1], xs[0] + 14, points[1]]);
  return points;
}

/** The fewer lines, the less they let through. */
const opacityOf = (count) => Math.min(0.9, Math.max(0.13, 11 / Math.sqrt(Math.max(1, count))));

/** Return the lines by their step of colour, the worst first, and before them those that are not selected; of every n-th run. */
export function layers({ axes, metric, direction, inside }, place, every = 1) {
  const out = [];
  const steps = Array.from({ length: STEPS + 1 }, () => []);
  inside.forEach((on, run) => {
    if (run % every) return;
    const line = lineOf(run, axes, place);
    if (on) steps[stepOf(metric.places[run], direction) + 1].push(line);
    else out.push(line);
  });
  return { out, steps };
}

/** Draw the lines of every n-th run, and all axes; `colours` are those of the page and of the gradient. */
export function draw(pen, figure, place, colours, every = 1) {
  const { out, steps } = layers(figure, place, every);
  const width = figure.inside.length / every > MANY ? pen.thin : 1.3;
  pen.box(0, 0, place.width, place.height, colours.surface);
  const count = steps.reduce((sum, lines) => sum + lines.length, 0);
  const opacity = opacityOf(count);
  if (out.length) pen.lines(out, colours.line, Math.min(1, width), Math.min(0.5, opacityOf(out.length)));
  // Runs without the metric have no colour of the gradient.
  if (steps[0].length) pen.lines(steps[0], colours.text, width, opacity);
  for (let step = 1; step <= STEPS; step++) if (steps[step].length) pen.lines(steps[step], colours.gradient[step - 1], width, opacity);
  drawLegend(pen, figure, place, colours);
  figure.axes.forEach((axis, at) => drawAxis(pen, axis, at, figure, place, colours));
}

function drawAxis(pen, axis, at, figure, place, colours) {
  const x = place.xs[at];
  const style = { colour: colours.text, font: colours.font, halo: colours.surface };
  pen.lines([[x, place.top, x, place.bottom]], colours.strong, 1);
  const last = at === figure.axes.length - 1 && at > 0;
  const side = last ? { x: x + 6, anchor: "start" } : { x: x - 6, anchor: "end" };
  for (const tick of axis.ticks) {
    const y = place.y(tick.at);
    pen.lines([[x - 3, y, x + 3, y]], colours.strong, 1);
    pen.text(side.x, y + 4, shortened(tick.text, 9), { ...style, anchor: side.anchor, size: 11 });
  }
  const title = titled(axis.label, x, place);
  pen.text(title.x, place.top - 14, title.text, { ...style, colour: colours.strong, anchor: "middle", weight: "600" });
  if (axis.lane) {
    pen.lines([[x - 9, place.lane, x + 9, place.lane]], colours.strong, 1);
    pen.text(x, place.lane + 16, `${whole(axis.lane)} ${axis.kind === "number" ? "without" : "none"}`, { ...style, anchor: "middle", size: 11 });
  }
  const brush = figure.brushes.find(({ field }) => field === axis.field);
  if (brush) drawBrush(pen, marked(axis, brush), x, place, colours);
}

function drawBrush(pen, { parts, lane }, x, place, colours) {
  const ends = parts.map(([low, high]) => [place.y(high), Math.max(3, place.y(low) - place.y(high))]);
  if (lane) ends.push([place.lane - 6, 12]);
  for (const [top, height] of ends) {
    pen.box(x - 6, top, 12, height, colours.accent, 0.35);
    pen.lines([[x - 6, top, x + 6, top], [x - 6, top + height, x + 6, top + height]], colours.accent, 2);
  }
}

/** Return the name of an axis and its middle: beside the edge moved into the picture, where there is room for that. */
function titled(label, x, place) {
  const most = place.apart - 8;
  const toEdge = Math.min(x, place.width - x) - 4;
  const half = (Math.min(label.length, Math.floor(most / BOLD)) * BOLD) / 2;
  if (half <= toEdge) return { x, text: shortened(label, Math.floor(most / BOLD)) };
  if (most < 4 * half) return { x, text: shortened(label, Math.floor((2 * toEdge) / BOLD)) };
  return { x: x < place.width / 2 ? half + 4 : place.width - half - 4, text: label };
}

function drawLegend(pen, { metric, direction }, place, colours) {
  const style = { colour: colours.text, font: colours.font, size: 11 };
  const narrow = place.room < NARROW;
  const name = shortened(metric.label, narrow ? 12 : 22);
  if (metric.lane === metric.places.length) {
    pen.text(10, 18, `No run has ${name}`, style);
    return;
  }
  const [worst, best] = direction === "min" ? [metric.high, metric.low] : [metric.low, metric.high];
  const texts = [name, number(worst), `${number(best)} (best)`];
  let x = 10;
  pen.text(x, 18, texts[0], { ...style, weight: "600", colour: colours.strong });
  x += texts[0].length * BOLD + 12;
  pen.text(x, 18, texts[1], style);
  x += texts[1].length * LETTER + 6;
  const size = (narrow ? 60 : 96) / STEPS;
  colours.gradient.forEach((colour, step) => pen.box(x + step * size, 9, size + 0.3, 11, colour));
  pen.text(x + size * STEPS + 6, 18, texts[2], style);
}

/** Return the run whose line is nearest to a point, of those that are selected; -1 where none is near. */
export function nearest({ axes, inside }, place, x, y, within = 7) {
  if (axes.length < 2) return -1;
  const at = Math.min(axes.length - 2, Math.max(0, Math.floor((x - place.xs[0]) / place.apart)));
  const share = Math.min(1, Math.max(0, (x - place.xs[at]) / place.apart));
  const height = (axis, run) => (Number.isNaN(axis.places[run]) ? place.lane : place.y(axis.places[run]));
  let found = -1;
  let distance = within;
  inside.forEach((on, run) => {
    if (!on) return;
    const there = height(axes[at], run) * (1 - share) + height(axes[at + 1], run) * share;
    if (Math.abs(there - y) < distance) [found, distance] = [run, Math.abs(there - y)];
  });
  return found;
}
