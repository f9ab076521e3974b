// The comparison of tuning, context and both: one session gives all four figures, differences are paired, and
// docs/context.md is what the committed figures give.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { summarise } from '../../eval/figures/uses.ts';
import type { Prompt } from '../../eval/material/prompts.ts';
import { contextPage, type UseJson } from '../../eval/report/context-page.ts';
import { full } from '../../eval/run/arms.ts';
import { measureUses, type UseRow } from '../../eval/run/uses.ts';
import { at } from '../../wire/list.ts';
import { fakeBackend, fakeModel } from '../gateway/fake-backend.ts';

const prompt: Prompt = {
  id: 'p',
  domain: 'd',
  group: 'g',
  prompt: 'Prompt',
  continuation: ' goes on',
  document: 'Prompt goes on',
};

describe('one prompt', () => {
  it('is scored as it is, with the picks before it, after the steps, and with both', async () => {
    const backend = fakeBackend({ models: [fakeModel({ contextTokens: 30 })] });
    const picks = [
      { id: '1', text: 'nearest', similarity: 0.9 },
      { id: '2', text: 'far away from it', similarity: 0.2 },
    ];
    const row = await measureUses(backend, full(1e-3), prompt, 'sift', picks);
    const placed = 'nearest\n\nPrompt';
    expect(backend.scored).toEqual([
      { context: 'Prompt', text: ' goes on', steps: 0 },
      { context: placed, text: ' goes on', steps: 0 },
      { context: 'Prompt', text: ' goes on', steps: 2 },
      { context: placed, text: ' goes on', steps: 2 },
    ]);
    expect(row).toMatchObject({
      bits: { base: 4, context: 4, tune: 2, both: 2 },
      picks: 2,
      examples: 1,
      tokens: placed.length - 'Prompt'.length,
      tuningTokens: 'nearest'.length + 'far away from it'.length,
    });
    expect(backend.live()).toBe(0);
  });
});

describe('the figures', () => {
  const row = (
    name: string,
    strategy: string,
    [base, tune, context, both]: [number, number, number, number],
  ): UseRow => ({
    prompt: name,
    domain: name.slice(0, 1),
    strategy,
    bits: { base, tune, context, both },
    seconds: { base: 1, tune: 4, context: 2, both: 5 },
    picks: 10,
    examples: 3,
    tokens: 400,
    tuningTokens: 1,
  });
  const rows = [
    row('a1', 'nn', [2, 1, 1.5, 1]),
    row('a1', 'sift', [2, 0.9, 1.4, 0.8]),
    row('b1', 'nn', [1, 0.5, 1.5, 0.4]),
    row('b1', 'sift', [1, 0.4, 1.2, 0.3]),
    row('b2', 'nn', [9, 9, 9, 9]),
  ];

  it('are of the prompts that every strategy has, paired, the base once', () => {
    const { prompts, domains, figures, context } = summarise(rows);
    expect([prompts, domains, context.sift]).toEqual([2, ['a', 'b'], { examples: 3, tokens: 400 }]);
    expect(figures.map(({ strategy, use }) => `${strategy} ${use}`)).toEqual([
      ...[' base', 'nn tune', 'nn context', 'nn both', 'sift tune', 'sift context', 'sift both'],
    ]);
    expect(at(figures, 0)).toMatchObject({
      bitsPerByte: 1.5,
      byDomain: { a: 2, b: 1 },
      lessBase: null,
      seconds: 1,
    });
    expect(at(figures, 2)).toMatchObject({ bitsPerByte: 1.5, better: 0.5, lessBase: { mean: 0 }, lessNn: null });
    expect(at(figures, 6)).toMatchObject({
      bitsPerByte: 0.55,
      better: 1,
      seconds: 5,
      lessBase: { mean: -0.95 },
      lessTune: { mean: -0.1 },
      lessNn: { mean: -0.15 },
    });
  });
});

describe('docs/context.md', () => {
  it('is the page of the committed figures; `node eval/use.ts` writes both', () => {
    const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
    expect(read('docs/context.md')).toBe(contextPage(JSON.parse(read('eval/results/use.json')) as UseJson));
  });
});
