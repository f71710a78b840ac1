import { writeFileSync } from "node:fs";
import { type Chart, htmlPage, svgChart } from "../../src/drawing/svgChart.ts";
import { describeError, MeniscusError } from "../../src/runtime/errors.ts";

/** Throws unless the file's name says what kind of picture it is to be. */
export function requirePicture(file: string): void {
  if (/\.(svg|html?)$/i.test(file)) return;
  throw new MeniscusError("usage", `"${file}" is neither .svg nor .html.`, { hint: "Write --out picture.svg." });
}

/** Writes charts, one below the other, as an SVG document or as a page with their numbers. */
export function writePicture(file: string, ...charts: readonly Chart[]): void {
  requirePicture(file);
  try {
    writeFileSync(file, /\.svg$/i.test(file) ? svgChart(...charts) : htmlPage(...charts));
  } catch (cause) {
    throw new MeniscusError("data", `${file} cannot be written: ${describeError(cause)}.`, { cause });
  }
}
