// The main picture of docs/study/context.md: bits per byte over the arithmetic that they cost. Down and to the left is better.
import type { ModeTable } from '../figures/modes.ts';
import { base, colourScale, type Picture } from './style.ts';

export const paretoPicture = (id: string, model: string, tables: readonly ModeTable[]): Picture => {
  const title = `${model}: bits per byte of the continuation, base = 100 %, over the arithmetic before the first token`;
  const shown = new Set<string>();
  // each table's prompts are its own, so that its base is 100 %
  const values = tables.flatMap(({ figures }) => {
    const base = figures.find(({ strategy }) => strategy === '')?.bitsPerByte ?? Number.NaN;
    return figures
      .filter(({ copies, text }) => copies === 1 && text === 'continuation')
      .flatMap(({ strategy, steps, context, bitsPerByte, teraflops }) => {
        const used = [steps > 0 ? `${steps} tuned` : '', context > 0 ? `${context} in context` : ''];
        const label = used.filter(Boolean).join(' + ');
        const arm = strategy === '' ? 'base model' : strategy;
        if (shown.has(`${arm} ${label}`)) return [];
        shown.add(`${arm} ${label}`);
        return [{ arm, y: (100 * bitsPerByte) / base, x: teraflops, label }];
      });
  });
  const arms = [...new Set(values.map(({ arm }) => arm))];
  const x = {
    field: 'x',
    type: 'quantitative' as const,
    scale: { type: 'log' as const, nice: false, padding: 20 },
    title: '10¹² operations before the first token (log scale)',
  };
  const y = {
    field: 'y',
    type: 'quantitative' as const,
    scale: { zero: false, padding: 12 },
    title: '% of the base model’s bits per byte',
  };
  const color = { field: 'arm', type: 'nominal' as const, scale: colourScale(arms), legend: { title: null } };
  return {
    id,
    title,
    spec: {
      ...base(title, values, 640, 360),
      encoding: { x, y, color },
      layer: [
        { mark: { type: 'point', filled: true, size: 70 } },
        { mark: { type: 'text', dy: -9, fontSize: 9 }, encoding: { text: { field: 'label', type: 'nominal' } } },
      ],
    },
  };
};
