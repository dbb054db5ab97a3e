// Smoothing, and the envelope that keeps what smoothing would hide. Pure.

/**
 * Mean of all values by weights that fall by `weight`, in [0, 1), from point to point to both sides:
 * s_i = sum_j w^|i-j| y_j / sum_j w^|i-j|. Unlike a moving average of the past it does not lag behind.
 * Missing values (null) stay missing and weigh nothing.
 */
export function smoothed(values, weight) {
  const present = values.filter((value) => value !== null);
  const before = decayed(present, weight);
  const after = decayed(present.toReversed(), weight).toReversed();
  let next = 0;
  return values.map((value) => {
    if (value === null) return null;
    const [left, right] = [before[next], after[next]];
    next += 1;
    // The point itself is in both sums.
    return (left.sum + right.sum - value) / (left.share + right.share - 1);
  });
}

function decayed(values, weight) {
  let sum = 0;
  let share = 0;
  return values.map((value) => {
    sum = weight * sum + value;
    share = weight * share + 1;
    return { sum, share };
  });
}

/**
 * The least and the greatest value around each of up to `most` places: {x, low, high}.
 *
 * Every point is inside: its value lies between low and high of its bucket, where the band is as wide.
 */
export function envelope(xs, ys, most) {
  const points = xs.map((x, index) => [x, ys[index]]).filter(([, y]) => y !== null);
  const size = Math.max(1, Math.ceil(points.length / most));
  const band = { x: [], low: [], high: [] };
  for (let at = 0; at < points.length; at += size) {
    const bucket = points.slice(at, at + size);
    const values = bucket.map(([, y]) => y);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    for (const x of new Set([bucket[0][0], bucket.at(-1)[0]])) {
      band.x.push(x);
      band.low.push(low);
      band.high.push(high);
    }
  }
  return band;
}
