// Draws pictures: SVG by Vega, PNG by resvg, both from npm and without a browser. On a machine without fonts only SVG is
// written, with a notice.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { Error as LogErrors, logger, parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Picture } from './style.ts';

/** The picture as SVG text. */
export const svgOf = async (spec: TopLevelSpec): Promise<string> => {
  const view = new View(parse(compile(spec).spec), { renderer: 'none', logger: logger(LogErrors) });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
};

const render = (svg: string): { png: Uint8Array; pixels: Uint8Array } => {
  const image = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: 2 },
    background: 'white',
    font: { loadSystemFonts: true, defaultFontFamily: 'DejaVu Sans' },
  }).render();
  return { png: image.asPng(), pixels: image.pixels };
};

/** False where letters are drawn blank, since no font is installed. */
export const hasFonts = (): boolean => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><text x="2" y="16" font-size="16">N</text></svg>';
  return render(svg).pixels.some((value) => value < 128);
};

/** Writes ID.svg for each picture, and ID.png where letters can be drawn. */
export const draw = async (pictures: readonly Picture[], directory: string): Promise<void> => {
  const png = hasFonts();
  if (!png) process.stderr.write('no font is installed on this machine: the pictures are written as SVG only\n');
  for (const { id, spec } of pictures) {
    const svg = await svgOf(spec);
    await writeFile(join(directory, `${id}.svg`), svg);
    if (png) await writeFile(join(directory, `${id}.png`), render(svg).png);
  }
};
