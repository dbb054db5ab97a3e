// The button that offers what a picture can be saved as.

import { h, icon } from "../dom.js";
import { closeMenu, menu } from "../menu.js";

/** Return it; `offers` returns [text, work] each time that it opens. */
export function saveMenu(title, offers) {
  const button = h("button", { type: "button", class: "quiet small", "aria-label": `Save ${title}`, "aria-haspopup": "true", "aria-expanded": "false" }, icon("save"));
  menu(button, `Save ${title}`, (panel) => {
    for (const [text, work] of offers())
      panel.append(
        h("button", { type: "button", class: "quiet wide", text, onclick: () => {
          closeMenu();
          work();
        } }),
      );
  });
  return button;
}
