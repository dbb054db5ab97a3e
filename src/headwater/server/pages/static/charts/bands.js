// The mean of several runs, and how far they are apart. Pure.

const MOST_PLACES = 600;

/**
 * Return {x, mean, low, high, sd, n} of series {x, y} by places on the axis.
 *
 * A run counts from its first to its last point; between two points its line does. `sd` is the standard
 * deviation of the n runs there, null of fewer than two. The places are the points' own where those are at most
 * `most`, else even buckets; low and high are of all points of a bucket, so that no extreme is lost.
 */
export function bandOf(series, most = MOST_PLACES) {
  const lines = series.map(({ x, y }) => clean(x, y)).filter((line) => line.length);
  const distinct = [...new Set(lines.flatMap((line) => line.map(([x]) => x)))].sort((a, b) => a - b);
  const places = distinct.length <= most ? distinct.map((x) => [x, x, x]) : buckets(distinct[0], distinct.at(-1), most);
  const band = { x: [], mean: [], low: [], high: [], sd: [], n: [] };
  const cursors = lines.map(() => 0);
  for (const [from, at, to] of places) {
    const means = [];
    let low = Infinity;
    let high = -Infinity;
    lines.forEach((line, index) => {
      while (cursors[index] < line.length && line[cursors[index]][0] < from) cursors[index] += 1;
      for (let i = cursors[index]; i < line.length && line[i][0] <= to; i++) {
        low = Math.min(low, line[i][1]);
        high = Math.max(high, line[i][1]);
      }
      const value = valueAt(line, at, cursors[index]);
      if (value === null) return;
      means.push(value);
      low = Math.min(low, value);
      high = Math.max(high, value);
    });
    if (!means.length) continue;
    const mean = means.reduce((sum, value) => sum + value, 0) / means.length;
    const squares = means.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    band.x.push(at);
    band.mean.push(mean);
    band.low.push(low);
    band.high.push(high);
    band.sd.push(means.length > 1 ? Math.sqrt(squares / (means.length - 1)) : null);
    band.n.push(means.length);
  }
  return band;
}

function clean(xs, ys) {
  const points = xs.map((x, index) => [x, ys[index]]).filter(([, y]) => y !== null);
  return points.sort((a, b) => a[0] - b[0]);
}

function buckets(first, last, count) {
  const width = (last - first) / count;
  return Array.from({ length: count }, (_, i) => [first + i * width, first + (i + 0.5) * width, first + (i + 1) * width]);
}

/** The value of a line at a place; several points of one place count with their mean. */
function valueAt(line, x, from) {
  if (x < line[0][0] || x > line.at(-1)[0]) return null;
  let after = Math.max(0, from - 1);
  while (line[after][0] < x) after += 1;
  if (line[after][0] === x) {
    let [sum, count] = [0, 0];
    for (let i = after; i < line.length && line[i][0] === x; i++, count++) sum += line[i][1];
    return sum / count;
  }
  const [[x0, y0], [x1, y1]] = [line[after - 1], line[after]];
  return y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
}
