// Rows of a search, read page by page as they are needed.

import { searchTable } from "../api.js";
import { parseField, spelled } from "./fields.js";

const FIRST = 100;
const NEXT = 200;

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

/**
 * The rows that are here so far, by columns as the server sends them. They begin where `place` says, one of the
 * tokens of the server, and grow at both ends.
 */
export class Pages {
  constructor(request, place = "") {
    this.request = request;
    this.columns = {};
    this.length = 0;
    this.total = null;
    this.complete = false;
    this.next = place;
    this.previous = "";
    this.starts = [];
    this.loading = null;
    this.aborted = new AbortController();
  }

  get(index, name) {
    return this.columns[name]?.[index] ?? null;
  }

  stop() {
    this.aborted.abort();
  }

  /** Return the token of the page that a row is on; empty for the first. */
  place(index) {
    return this.starts.findLast(({ at }) => at <= index)?.token ?? "";
  }

  /** Read the next page; returns at once where there is none, or one is being read. */
  more() {
    if (this.complete || this.loading !== null) return this.loading;
    this.loading = this.readNext().finally(() => (this.loading = null));
    return this.loading;
  }

  /** Read the page before; resolves to the number of its rows. */
  async earlier() {
    if (!this.previous || this.loading !== null) return 0;
    this.loading = this.readPrevious().finally(() => (this.loading = null));
    return this.loading;
  }

  async readNext() {
    const token = this.next;
    const answer = await this.ask(token);
    for (const [name, values] of Object.entries(answer.columns)) {
      this.columns[name] ??= [];
      for (const value of values) this.columns[name].push(value);
    }
    if (!this.length) this.previous = answer.previous_page_token ?? "";
    this.starts.push({ at: this.length, token });
    this.length += answer.rows;
    this.next = answer.next_page_token ?? "";
    this.complete = this.next === "";
  }

  async readPrevious() {
    const token = this.previous;
    const answer = await this.ask(token);
    for (const [name, values] of Object.entries(answer.columns)) this.columns[name] = [...values, ...(this.columns[name] ?? [])];
    this.previous = answer.previous_page_token ?? "";
    for (const start of this.starts) start.at += answer.rows;
    // Without a page before, this one is the first.
    this.starts.unshift({ at: 0, token: this.previous ? token : "" });
    this.length += answer.rows;
    return answer.rows;
  }

  async ask(token) {
    const page = { page_token: token, count: this.total === null, max_results: token === "" ? FIRST : NEXT };
    const answer = await searchTable({ ...this.request, ...page }, this.aborted.signal);
    this.total ??= answer.total ?? answer.rows;
    return answer;
  }
}
