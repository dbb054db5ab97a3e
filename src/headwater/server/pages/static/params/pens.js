// What draws: on a canvas, or as the text of an SVG. Lines are lists of x, y, x, y, …

export class CanvasPen {
  /** `thin` is the width of one of its points. */
  constructor(context, thin) {
    this.context = context;
    this.thin = thin;
  }

  lines(all, colour, width, opacity = 1) {
    const { context } = this;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.globalAlpha = opacity;
    for (const points of all) {
      context.beginPath();
      context.moveTo(points[0], points[1]);
      for (let at = 2; at < points.length; at += 2) context.lineTo(points[at], points[at + 1]);
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  box(x, y, width, height, colour, opacity = 1) {
    this.context.globalAlpha = opacity;
    this.context.fillStyle = colour;
    this.context.fillRect(x, y, width, height);
    this.context.globalAlpha = 1;
  }

  /** `halo` is the colour around the letters, so that lines below do not make them hard to read. */
  text(x, y, text, { colour, font, size = 11.5, anchor = "start", weight = "400", halo = null }) {
    const { context } = this;
    context.font = `${weight} ${size}px ${font}`;
    context.textAlign = anchor === "middle" ? "center" : anchor;
    if (halo) {
      context.strokeStyle = halo;
      context.lineWidth = 3;
      context.lineJoin = "round";
      context.strokeText(text, x, y);
    }
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }
}

const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
const place = (value) => String(Math.round(value * 10) / 10);

export class SvgPen {
  constructor(width, height) {
    this.thin = 1;
    this.parts = [`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`];
  }

  lines(all, colour, width, opacity = 1) {
    this.parts.push(`<g fill="none" stroke="${escaped(colour)}" stroke-width="${width}" stroke-opacity="${place(opacity * 100) / 100}">`);
    for (const points of all) this.parts.push(`<polyline points="${Array.from(points, place).join(" ")}"/>`);
    this.parts.push("</g>");
  }

  box(x, y, width, height, colour, opacity = 1) {
    this.parts.push(`<rect x="${place(x)}" y="${place(y)}" width="${place(width)}" height="${place(height)}" fill="${escaped(colour)}" fill-opacity="${opacity}"/>`);
  }

  text(x, y, text, { colour, font, size = 11.5, anchor = "start", weight = "400", halo = null }) {
    const around = halo ? ` stroke="${escaped(halo)}" stroke-width="3" stroke-linejoin="round" paint-order="stroke"` : "";
    this.parts.push(`<text x="${place(x)}" y="${place(y)}" text-anchor="${anchor}" font-family="${escaped(font)}" font-size="${size}" font-weight="${weight}" fill="${escaped(colour)}"${around}>${escaped(text)}</text>`);
  }

  done() {
    return `${[...this.parts, "</svg>"].join("\n")}\n`;
  }
}
