// The runs beside the charts: which colour is whose, and which are shown.

import { h } from "../dom.js";
import { styleOf } from "./colours.js";

const BORDERS = { solid: "solid", dash: "dashed", dot: "dotted", dashdot: "double" };

/** Draw it; `hide` is told the ids of all runs that are not to be seen. */
export function drawLegend(element, lines, state, hide) {
  const focused = document.activeElement?.dataset?.line;
  element.replaceChildren(
    ...lines.map((line) => {
      const ids = line.runs.map((run) => run.id);
      const off = ids.every((id) => state.hidden.includes(id));
      const box = h("input", { type: "checkbox", "data-line": line.name });
      box.checked = !off;
      box.addEventListener("change", () => {
        const others = state.hidden.filter((id) => !ids.includes(id));
        hide(box.checked ? others : [...others, ...ids]);
      });
      const swatch = h("span", { class: "swatch" });
      const { colour, dash } = styleOf(line.index);
      swatch.style.borderTopColor = colour;
      swatch.style.borderTopStyle = BORDERS[dash];
      const facts = state.groups.length ? `${ids.length} ${ids.length === 1 ? "run" : "runs"}` : said(line.runs[0].status);
      return h("li", {}, h("label", { class: off ? "off" : null, title: line.name }, box, swatch, h("span", { class: "text", text: line.name }), h("span", { class: "state", text: facts })));
    }),
  );
  if (focused !== undefined) element.querySelector(`[data-line="${CSS.escape(focused)}"]`)?.focus();
}

const said = (status) => (status === "FINISHED" ? "" : status.toLowerCase());
