// The experiments by their projects: where to search.

import { h } from "../dom.js";
import { whole } from "../format.js";

const MOST = 200;

/** The tree of projects; knows which experiments a state is about. */
export class Places {
  constructor(answer) {
    this.projects = answer.projects;
    this.experiments = answer.experiments ?? [];
    this.names = new Map(this.experiments.map((experiment) => [experiment.experiment_id, experiment.name]));
  }

  /** Return the ids of the experiments that a state searches. */
  ids(state) {
    if (state.experiments.length) return state.experiments;
    const { project } = state;
    const inside = (path) => project === null || project === "" || path === project || path.startsWith(`${project}/`);
    return this.experiments.filter((experiment) => inside(experiment.project)).map((experiment) => experiment.experiment_id);
  }

  /** Draw those that have a part of a name; `address(changes)` says where a choice leads. */
  draw(element, state, part, address, choose) {
    const wanted = part.trim().toLowerCase();
    const link = (text, runs, changes, current, depth) => {
      const go = (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        choose(changes);
      };
      const anchor = h(
        "a",
        { href: address(changes), "aria-current": current ? "true" : null, onclick: go, title: text },
        h("span", { class: "text", text }),
        h("span", { class: "count", text: whole(runs) }),
      );
      anchor.style.paddingInlineStart = `${8 + 12 * depth}px`;
      return anchor;
    };
    const rows = [];
    const none = { project: null, experiments: [] };
    const everything = !state.experiments.length && !state.project;
    const total = this.experiments.reduce((sum, experiment) => sum + experiment.runs, 0);
    rows.push(link("All experiments", total, none, everything, 0));
    const fits = (text) => text.toLowerCase().includes(wanted);
    const add = (experiment, depth) => {
      const id = experiment.experiment_id;
      if (!fits(experiment.name) && !fits(experiment.project)) return;
      rows.push(this.experiment(link, experiment, state, depth, id, choose));
    };
    for (const experiment of this.experiments.filter((e) => e.project === "")) add(experiment, 0);
    for (const project of this.projects.filter((p) => p.path !== "")) {
      const depth = project.path.split("/").length - 1;
      const current = !state.experiments.length && state.project === project.path;
      const inside = this.experiments.filter((e) => e.project === project.path);
      if (!fits(project.path) && !inside.some((e) => fits(e.name))) continue;
      const row = link(project.path.split("/").at(-1), project.runs, { project: project.path, experiments: [] }, current, depth);
      row.classList.add("project");
      rows.push(row);
      for (const experiment of inside) add(experiment, depth + 1);
    }
    const hidden = rows.length - MOST;
    element.replaceChildren(...rows.slice(0, MOST));
    if (hidden > 0) element.append(h("p", { class: "dim small", text: `${whole(hidden)} more; find them by name` }));
  }

  experiment(link, experiment, state, depth, id, choose) {
    const only = { project: null, experiments: [id] };
    const current = state.experiments.includes(id);
    const row = link(experiment.name, experiment.runs, only, current, depth);
    const box = h("input", { type: "checkbox", "aria-label": `Search in ${experiment.name} too` });
    box.checked = current;
    box.addEventListener("change", () => {
      const others = state.experiments.filter((other) => other !== id);
      choose({ project: null, experiments: box.checked ? [...others, id] : others });
    });
    return h("div", { class: "place" }, row, box);
  }
}
