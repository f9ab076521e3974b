// The worked example of docs/how-it-works.md: the program prints what the page shows, the kernel picks the same with the same
// variances, and the numbers of the prose are those.
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildKernel } from '../../assembly/build.ts';
import type { Selection } from '../../functions/kernel/index.ts';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { unwrap } from '../../wire/faults.ts';
import { blocksOf, pageText } from './blocks.ts';

const text = pageText('how-it-works');
const [program, shown] = blocksOf('how-it-works', text);

const VECTORS = { a: [0.96, 0.28], b: [0.8, 0.6], c: [0.6, -0.8] };
const names = Object.keys(VECTORS);

let selection: Selection;
beforeAll(async () => {
  await buildKernel();
  const kernel = await loadKernel('sift.wasm');
  selection = unwrap(
    kernel.select({
      rows: Float32Array.from(Object.values(VECTORS).flat()),
      queries: Float32Array.of(1, 0),
      ...{ dimensions: 2, picks: 2, lambda: 0.1, repeat: false, degree: 1 },
    }),
  );
});

describe('the example by hand', () => {
  it('is a program of about 20 lines that prints what the page shows', () => {
    expect(program?.text.trimEnd().split('\n').length).toBeLessThanOrEqual(22);
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-'], {
      input: program?.text ?? '',
      encoding: 'utf8',
    });
    expect([stderr, stdout]).toEqual(['', shown?.text]);
  });

  it('is what the kernel computes', () => {
    const told = Array.from((shown?.text ?? '').matchAll(/picked (\w), σ² = ([\d.]+)/g), ([, name, sigma2]) => [
      name,
      sigma2,
    ]);
    expect(selection.picks.map((pick, n) => [names[pick], selection.variances[n]?.toFixed(3)])).toEqual(told);
    expect(told.length).toBe(2);
  });

  it('has the numbers of the prose from there', () => {
    for (const [name, [x, y]] of Object.entries(VECTORS)) {
      expect(text).toContain(`| ${name} | (${x}, ${y}) | ${x} |`.replace('-', '−'));
    }
    expect(text).toContain(`SIFT picks a and c and ends at σ² = ${selection.variances[1]?.toFixed(3)}`);
    expect(text).toContain(`0.96² / 1.1 = **${selection.gains[0]?.toFixed(3)}**`);
    expect(text).toContain(`0.293² / 0.987 = **${selection.gains[1]?.toFixed(3)}**`);
    expect(selection.covariances[1]?.toFixed(3)).toBe('0.293');
    // nearest neighbours, a and b: 1 − 0.838 − 0.001
    expect(text).toContain('nearest neighbours, a and b, at 0.161');
    expect((1 - 0.96 ** 2 / 1.1 - (0.8 - (0.96 * 0.936) / 1.1) ** 2 / (1 - 0.936 ** 2 / 1.1 + 0.1)).toFixed(3)).toBe(
      '0.161',
    );
  });
});
