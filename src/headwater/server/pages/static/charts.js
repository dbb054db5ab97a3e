// The charts page: keeps the address, the controls, the runs and the charts together.

import { announce, byId, debounced, h, showProblem } from "./dom.js";
import { whole } from "./format.js";
import { saveCsv } from "./charts/export.js";
import { drawLegend } from "./charts/legend.js";
import { Panel } from "./charts/panel.js";
import { groupable, loadRuns, metricsOf } from "./charts/runs.js";
import { loadSeries } from "./charts/series.js";
import { formatState, nextAxis, parseState } from "./charts/state.js";
import { linesOf } from "./charts/traces.js";
import { choices, menu } from "./menu.js";
import { shortcut } from "./shell.js";

const USUAL_METRICS = 6;
const REFRESH_MS = 3000;
const NO_RANGE = { from: null, to: null };

class ChartsPage {
  constructor() {
    this.state = parseState(location.search);
    this.runs = [];
    this.series = [];
    this.panels = new Map();
    this.loading = null;
    this.timer = 0;
  }

  async start() {
    this.listen();
    this.drawControls();
    if (!this.state.runs.length) {
      this.sayEmpty("No runs are chosen", "Select runs in the table, then press Chart.");
      return;
    }
    await this.reload();
  }

  /** Ask for the runs and their points again. */
  async reload() {
    try {
      this.runs = await loadRuns(this.state.runs);
    } catch (error) {
      showProblem(error.message);
      return;
    }
    if (!this.runs.length) {
      this.sayEmpty("None of these runs is there", "They may have been deleted.");
      return;
    }
    await this.load();
  }

  listen() {
    const set = (id, name, of, more = {}) => byId(id).addEventListener("change", (event) => this.apply({ [name]: of(event.target), ...more }));
    set("axis", "axis", (input) => input.value, NO_RANGE);
    set("logx", "logx", (input) => input.checked);
    set("logy", "logy", (input) => input.checked);
    set("band", "band", (input) => input.value);
    set("follow", "live", (input) => input.checked);
    const smooth = debounced(60, (value) => this.apply({ smooth: value }, { replace: true, reload: false }));
    byId("smooth").addEventListener("input", ({ target }) => {
      byId("smooth-value").textContent = target.value;
      smooth(Number(target.value));
    });
    for (const id of ["from", "to"]) byId(id).addEventListener("change", () => this.typedRange());
    byId("whole").addEventListener("click", () => this.whole());
    byId("csv").addEventListener("click", () => saveCsv("metrics", this.visible()));
    menu(byId("metrics"), "Metrics", (panel) => this.fillMetrics(panel));
    menu(byId("group"), "Group by", (panel) => this.fillGroups(panel));
    shortcut("l", () => this.apply({ logy: !this.state.logy }));
    shortcut("a", () => this.apply({ axis: nextAxis(this.state.axis), ...NO_RANGE }));
    shortcut("0", () => this.whole());
    shortcut("r", () => this.reload().then(() => announce("Loaded again")));
    document.addEventListener("themechange", () => this.draw());
    document.addEventListener("visibilitychange", () => this.follow());
    window.addEventListener("popstate", () => {
      this.state = parseState(location.search);
      this.drawControls();
      this.reload();
    });
  }

  /** Change what is shown, and the address with it. */
  apply(changes, { replace = false, reload = true } = {}) {
    this.state = { ...this.state, ...changes };
    const address = `${location.pathname}${formatState(this.state)}`;
    if (replace) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    this.drawControls();
    if (!this.runs.length) return Promise.resolve();
    return reload ? this.load() : this.draw();
  }

  metrics() {
    return this.state.metrics ?? metricsOf(this.runs).slice(0, USUAL_METRICS).map(({ key }) => key);
  }

  /** The metrics shown that are curves, and those of one value a run, which no range concerns. */
  parted() {
    const flat = new Set(metricsOf(this.runs).filter(({ curve }) => !curve).map(({ key }) => key));
    const shown = this.metrics();
    return [shown.filter((key) => !flat.has(key)), shown.filter((key) => flat.has(key))];
  }

  visible() {
    return this.series.filter(({ run }) => !this.state.hidden.includes(run.id));
  }

  /** Read the points of what is shown, then draw it. */
  async load() {
    this.loading?.abort();
    const loading = new AbortController();
    this.loading = loading;
    this.drawPanels();
    try {
      const [curves, values] = this.parted();
      const parts = [loadSeries(this.runs, curves, this.state, loading.signal), loadSeries(this.runs, values, { ...this.state, ...NO_RANGE }, loading.signal)];
      this.series = (await Promise.all(parts)).flat();
      showProblem(null);
      await this.draw();
    } catch (error) {
      if (error.name === "AbortError") return;
      showProblem(error.message);
    }
    if (this.loading === loading) this.follow();
  }

  /** While runs go on, ask again. */
  follow() {
    clearTimeout(this.timer);
    const running = this.runs.some((run) => run.status === "RUNNING");
    byId("live-control").hidden = !running;
    if (!running || !this.state.live || document.hidden) return;
    this.timer = setTimeout(async () => {
      const going = this.runs.filter((run) => run.status === "RUNNING").map((run) => run.id);
      try {
        const newer = new Map((await loadRuns(going)).map((run) => [run.id, run]));
        this.runs = this.runs.map((run) => newer.get(run.id) ?? run);
      } catch (error) {
        showProblem(error.message);
        this.follow();
        return;
      }
      await this.load();
    }, REFRESH_MS);
  }

  drawPanels() {
    const wanted = this.metrics();
    for (const [key, panel] of this.panels)
      if (!wanted.includes(key)) {
        window.Plotly?.purge(panel.plot);
        panel.element.remove();
        this.panels.delete(key);
      }
    wanted.forEach((key, index) => {
      if (!this.panels.has(key)) this.panels.set(key, new Panel(key, this));
      const { element } = this.panels.get(key);
      if (byId("panels").children[index] !== element) byId("panels").insertBefore(element, byId("panels").children[index] ?? null);
    });
    byId("empty").hidden = true;
    if (!wanted.length) this.sayEmpty("No metrics are chosen", "Choose some above.");
  }

  async draw() {
    const lines = linesOf(this.runs, this.state.groups);
    drawLegend(byId("legend"), lines, this.state, (hidden) => this.apply({ hidden }, { replace: true, reload: false }));
    this.drawNote();
    const visible = this.visible();
    const shown = lines.filter((line) => line.runs.some((run) => !this.state.hidden.includes(run.id)));
    const [curves] = this.parted();
    for (const [key, panel] of this.panels) {
      const state = curves.includes(key) ? this.state : { ...this.state, ...NO_RANGE };
      await panel.draw(visible.filter((series) => series.key === key), shown, state);
    }
  }

  drawNote() {
    const { dropped, runs } = this.state;
    const gone = runs.length - this.runs.length;
    const notes = [];
    if (dropped) notes.push(`Only the first ${runs.length} runs are shown; ${whole(dropped)} more were asked for.`);
    if (gone) notes.push(gone === 1 ? "One run is gone." : `${whole(gone)} runs are gone.`);
    byId("note").textContent = notes.join(" ");
    byId("note").hidden = !notes.length;
  }

  drawControls() {
    const { axis, logx, logy, smooth, groups, band, live, from, to } = this.state;
    byId("axis").value = axis;
    byId("logx").checked = logx && axis !== "time";
    byId("logx").disabled = axis === "time";
    byId("logy").checked = logy;
    byId("smooth").value = smooth;
    byId("smooth-value").textContent = smooth;
    byId("band").value = band;
    byId("band-control").hidden = !groups.length;
    byId("follow").checked = live;
    byId("from").value = shownLimit(from, axis);
    byId("to").value = shownLimit(to, axis);
    byId("whole").hidden = from === null && to === null;
  }

  sayEmpty(title, text) {
    const base = document.documentElement.dataset.base;
    byId("empty").hidden = false;
    byId("empty").replaceChildren(h("h2", { text: title }), h("p", { text }), h("a", { class: "button primary", href: `${base}/runs`, text: "All runs" }));
  }

  zoom(from, to) {
    if (from < to) this.apply({ from, to });
  }

  whole() {
    if (this.state.from !== null || this.state.to !== null) this.apply(NO_RANGE);
  }

  typedRange() {
    const { axis } = this.state;
    const [from, to] = ["from", "to"].map((id) => readLimit(byId(id).value, axis));
    const wrong = { from: Number.isNaN(from), to: Number.isNaN(to) || (from !== null && to !== null && from >= to) };
    for (const id of ["from", "to"]) byId(id).toggleAttribute("aria-invalid", wrong[id]);
    if (!wrong.from && !wrong.to) this.apply({ from, to });
  }

  fillMetrics(panel) {
    const all = metricsOf(this.runs).map(({ key }) => [key, key]);
    const is = (test) => all.filter(([key]) => key.startsWith("system/") === test);
    const toggle = (key, on) => {
      const shown = this.metrics();
      this.apply({ metrics: on ? [...shown, key] : shown.filter((other) => other !== key) });
    };
    choices(panel, [["Metrics", is(false)], ["System", is(true)]], (key) => this.metrics().includes(key), toggle);
  }

  fillGroups(panel) {
    const [differing, same] = groupable(this.runs);
    const named = (names) => names.map((name) => [name, name]);
    const toggle = (name, on) => {
      const others = this.state.groups.filter((other) => other !== name);
      this.apply({ groups: on ? [...others, name] : others }, { reload: false });
    };
    choices(panel, [["Runs differ in", named(differing)], ["The same in all", named(same)]], (name) => this.state.groups.includes(name), toggle);
  }
}

function shownLimit(value, axis) {
  if (value === null) return "";
  return axis === "time" ? new Date(value).toISOString().slice(0, 19) : String(value);
}

/** Read a limit of the range: null for none, NaN for what is none. */
function readLimit(text, axis) {
  if (text.trim() === "") return null;
  return axis === "time" ? Date.parse(`${text.trim().replace(" ", "T")}Z`) : Number(text);
}

new ChartsPage().start();
