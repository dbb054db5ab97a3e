// Where runs that were selected can go: to the charts, and to the comparison of groups.

export const MOST_CHARTED = 100;
export const MOST_COMPARED = 500;
const BASE = document.documentElement.dataset.base;

function offer(link, ids, most, text, least, address) {
  link.hidden = ids.length < least;
  link.href = address(ids.slice(0, most));
  link.textContent = ids.length > most ? `${text} the first ${most}` : text;
}

/** Have a link lead to the charts of runs; hidden where there is none. */
export function offerCharts(link, ids) {
  offer(link, ids, MOST_CHARTED, "Chart", 1, (some) => `${BASE}/charts?${new URLSearchParams(some.map((id) => ["run", id]))}`);
}

/** Have a link lead to a comparison of runs, which are compared alone: places only say where to look for them. */
export function offerCompare(link, ids) {
  offer(link, ids, MOST_COMPARED, "Compare", 2, (some) => `${BASE}/compare?${new URLSearchParams([["sel", some.join(",")]])}`);
}
