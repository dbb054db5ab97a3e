// Plotly, which is large: the page asks for runs and points while it is on its way.

/** Is there when it has been loaded; never where the server has none, which the page says by itself. */
export const plotly = new Promise((resolve, reject) => {
  const script = document.getElementById("plotly");
  if (window.Plotly) resolve(window.Plotly);
  script?.addEventListener("load", () => resolve(window.Plotly));
  script?.addEventListener("error", () => reject(new Error("The chart library could not be loaded.")));
});
