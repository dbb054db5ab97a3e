// Charts as pictures and as numbers.

import { plain } from "./traces.js";

export const WIDTH = 960;

/** Save a chart as PNG or SVG, with a title and a legend, which the page shows beside it. */
export function savePicture(format, key, { data, layout, height = 560 }) {
  const figure = {
    data,
    layout: {
      ...layout,
      title: { text: plain(key), x: 0.02, font: { size: 15 } },
      showlegend: data.filter((trace) => trace.showlegend !== false).length > 1,
      legend: { orientation: "h", y: -0.2 },
      margin: { ...layout.margin, t: layout.margin.t + 38, b: layout.margin.b + 22 },
    },
  };
  return window.Plotly.downloadImage(figure, { format, width: WIDTH, height, scale: format === "png" ? 2 : 1, filename: fileName(key) });
}

/** Return the points shown as CSV, a line each, with a head; pure. */
export function csvOf(series) {
  const lines = ["run_id,run_name,metric,step,timestamp,value"];
  for (const { run, key, steps, timestamps, y } of series)
    steps.forEach((step, i) => lines.push([run.id, cell(run.name), cell(key), step, timestamps[i], y[i] ?? ""].join(",")));
  return `${lines.join("\n")}\n`;
}

export const saveCsv = (name, series) => saveText(name, "csv", csvOf(series), "text/csv");

export function saveText(name, extension, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = `${fileName(name)}.${extension}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Quote a text; one that a spreadsheet would take for a formula gets an apostrophe before it. */
export function cell(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const fileName = (text) => text.replace(/[^\w.-]+/g, "_") || "chart";
