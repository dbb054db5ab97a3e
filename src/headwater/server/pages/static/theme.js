// Runs before the page is drawn, so that a dark page is never white first. Not a module for that reason.
"use strict";
(() => {
  const key = "headwater.theme";
  let chosen = null;
  try {
    chosen = localStorage.getItem(key);
  } catch {
    // Storage is forbidden: the system's choice is followed.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
