// Rows of a search, read page by page as they are needed.

import { searchTable } from "../api.js";
import { parseField, spelled } from "./fields.js";

const FIRST = 100;
const NEXT = 500;

/** The body of a request for rows; pure. */
export function tableRequest(experimentIds, filter, sort, columns) {
  const fields = columns.map(parseField);
  const of = (kind) => fields.filter((field) => field.kind === kind).map((field) => field.key);
  const order = spelled(sort.field);
  return {
    experiment_ids: experimentIds,
    filter,
    order_by: order === null ? [] : [`${order} ${sort.descending ? "DESC" : "ASC"}`],
    attributes: [...new Set(["run_id", "run_name", "experiment_id", "status", ...of("attributes")])],
    metrics: of("metrics"),
    params: of("params"),
    tags: of("tags"),
  };
}

/** The rows that are here so far, by columns as the server sends them. */
export class Pages {
  constructor(request) {
    this.request = request;
    this.columns = {};
    this.length = 0;
    this.total = null;
    this.complete = false;
    this.token = "";
    this.loading = null;
    this.aborted = new AbortController();
  }

  get(index, name) {
    return this.columns[name]?.[index] ?? null;
  }

  stop() {
    this.aborted.abort();
  }

  /** Read the next page; returns at once where there is none, or one is being read. */
  more() {
    if (this.complete || this.loading !== null) return this.loading;
    this.loading = this.read().finally(() => (this.loading = null));
    return this.loading;
  }

  async read() {
    const first = this.token === "";
    const page = { page_token: this.token, count: first, max_results: first ? FIRST : NEXT };
    const answer = await searchTable({ ...this.request, ...page }, this.aborted.signal);
    for (const [name, values] of Object.entries(answer.columns)) {
      this.columns[name] ??= [];
      for (const value of values) this.columns[name].push(value);
    }
    this.length += answer.rows;
    if (first) this.total = answer.total ?? answer.rows;
    this.token = answer.next_page_token ?? "";
    this.complete = this.token === "";
  }
}
