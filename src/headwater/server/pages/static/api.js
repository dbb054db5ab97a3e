// Asks the server. Every path is of this server, below its static prefix.

const MARKDOWN = "text/markdown";
const PREFIX = document.documentElement.dataset.prefix;

/** An answer that is an error, in the words of the server. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function answer(path, options) {
  let response;
  try {
    response = await fetch(`${PREFIX}${path}`, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "UNREACHABLE", "The server does not answer. Is it running?");
  }
  const text = await response.text();
  if (response.ok && options.headers?.Accept === MARKDOWN) return text;
  let message = null;
  try {
    message = JSON.parse(text);
  } catch {
    // Not ours: a proxy's page, perhaps.
  }
  if (response.ok && message !== null) return message;
  throw new ApiError(
    response.status,
    message?.error_code ?? "UNKNOWN",
    message?.message ?? `The server answered with status ${response.status}.`,
  );
}

export function get(path, query = [], signal = undefined) {
  const search = new URLSearchParams(query).toString();
  return answer(search ? `${path}?${search}` : path, { signal });
}

export function post(path, body, signal = undefined, more = {}) {
  const headers = { "Content-Type": "application/json", ...more };
  return answer(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

const OWN = "/api/2.0/headwater";
const MLFLOW = "/ajax-api/2.0/mlflow";

export const searchTable = (body, signal) => post(`${OWN}/runs/search`, body, signal);
export const searchRuns = (body, signal) => post(`${MLFLOW}/runs/search`, body, signal);
export const getRun = (runId, signal) => get(`${MLFLOW}/runs/get`, { run_id: runId }, signal);
export const listProjects = () => get(`${OWN}/projects/list`, { experiments: "true" });
export const listSaved = (place) => get(`${OWN}/saved-searches/list`, place);
export const createSaved = (search) => post(`${OWN}/saved-searches/create`, search);
export const updateSaved = (search) => post(`${OWN}/saved-searches/update`, search);
export const deleteSaved = (id) => post(`${OWN}/saved-searches/delete`, { search_id: id });
export const compareRuns = (question, signal) => post(`${OWN}/compare`, question, signal);
/** The same as a text that a pull request may show. */
export const compareAsMarkdown = (question) => post(`${OWN}/compare`, question, undefined, { Accept: MARKDOWN });
export const importanceOf = (question, signal) => post(`${OWN}/params/importance`, question, signal);
export const paretoOf = (question, signal) => post(`${OWN}/runs/pareto`, question, signal);
export const getSeries = (query, signal) => get(`${OWN}/metrics/series`, query, signal);

/** Where MLflow's own page of a run is. */
export function mlflowRun(experimentId, runId) {
  const place = `${encodeURIComponent(experimentId)}/runs/${encodeURIComponent(runId)}`;
  return `${PREFIX}/#/experiments/${place}`;
}

/** Do all pieces of work, some at a time, and return their results in order. */
export async function some(atOnce, items, work) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
