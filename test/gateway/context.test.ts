// Which examples go into a context, by a tokenizer of plain words and by one that merges across borders: the order, what is
// dropped, that as many go in as fit and never more, and that few texts are counted.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CountTokens, placeExamples, roomForAnswer } from '../../gateway/context.ts';
import { layout } from '../../wire/context.ts';
import type { RankedPick } from '../../wire/tune/requests.ts';
import { textOf } from './fake-backend.ts';

/** A token a word or mark, and one to begin with. */
const words = (text: string): number => 1 + (text.match(/\p{L}+|\p{N}+|[^\p{L}\p{N}\s]/gu) ?? []).length;
const countWith = (tokensOf: (text: string) => number) => {
  const asked: string[][] = [];
  const count: CountTokens = async (texts) => {
    asked.push(texts.map(textOf));
    return texts.map((text) => tokensOf(textOf(text)));
  };
  return { asked, count };
};

const pick = (text: string, similarity?: number, source?: string): RankedPick => ({
  id: text.slice(0, 8),
  text,
  ...(similarity === undefined ? {} : { similarity }),
  ...(source === undefined ? {} : { source }),
});
const place = (
  picks: readonly RankedPick[],
  most: number,
  changes: { prompt?: string; layout?: object; tokensOf?: (text: string) => number } = {},
) => {
  const { count } = countWith(changes.tokensOf ?? words);
  return placeExamples(
    count,
    { picks, layout: layout.parse(changes.layout ?? {}), prompt: changes.prompt ?? 'prompt' },
    () => most,
  );
};

describe('the order of examples', () => {
  it('is by similarity, the most similar nearest to the prompt', async () => {
    const placed = await place([pick('middle', 0.5), pick('far', -0.2), pick('near', 0.9)], 100);
    expect(placed.prompt).toBe('far\n\nmiddle\n\nnear\n\nprompt');
    expect(placed.report).toEqual({ examples: 3, dropped: 0, tokens: 3 });
  });

  it('is as sent where no similarity is said: the last one is nearest', async () => {
    expect((await place([pick('a'), pick('b'), pick('c')], 100)).prompt).toBe('a\n\nb\n\nc\n\nprompt');
  });

  it('puts the earlier of two equally similar picks nearer', async () => {
    expect((await place([pick('a', 0.5), pick('b', 0.5), pick('c', 0.1)], 100)).prompt).toBe('c\n\nb\n\na\n\nprompt');
  });

  it('takes a repeated example once', async () => {
    const placed = await place([pick('a', 0.5), pick('b', 0.4), pick('a', 0.5)], 100);
    expect([placed.prompt, placed.report.examples, placed.report.dropped]).toEqual(['b\n\na\n\nprompt', 2, 0]);
    expect((await place([pick('a'), pick('b'), pick('a')], 100)).prompt).toBe('b\n\na\n\nprompt');
  });
});

describe('examples that do not fit', () => {
  const three = [pick('one two', 0.1), pick('three four', 0.2), pick('five six', 0.3)];

  it('are dropped whole, the least relevant first', async () => {
    // the prompt is two tokens of this tokenizer, each example two more
    expect(await place(three, 8)).toEqual({
      prompt: 'one two\n\nthree four\n\nfive six\n\nprompt',
      report: { examples: 3, dropped: 0, tokens: 6 },
    });
    expect(await place(three, 7)).toEqual({
      prompt: 'three four\n\nfive six\n\nprompt',
      report: { examples: 2, dropped: 1, tokens: 4 },
    });
    expect((await place(three, 4)).prompt).toBe('five six\n\nprompt');
    expect(await place(three, 3)).toEqual({ prompt: 'prompt', report: { examples: 0, dropped: 3, tokens: 0 } });
    expect((await place(three, 0)).prompt).toBe('prompt');
  });

  it('do not stand in the way of others: one that is larger than all the room is left out by itself', async () => {
    const placed = await place([pick('one two', 0.1), pick('x '.repeat(50), 0.9), pick('five six', 0.3)], 8);
    expect(placed).toEqual({
      prompt: 'one two\n\nfive six\n\nprompt',
      report: { examples: 2, dropped: 1, tokens: 4 },
    });
    // by itself it would fit, but not with what the template adds
    const tight = await place([pick('one', 0.1), pick('three four', 0.9)], 6, {
      layout: { template: '- - {examples}\n{prompt}' },
    });
    expect(tight.prompt).toBe('- - three four\nprompt');
    const tighter = await place([pick('one', 0.1), pick('three four', 0.9)], 5, {
      layout: { template: '- - {examples}\n{prompt}' },
    });
    expect(tighter).toEqual({ prompt: '- - one\nprompt', report: { examples: 1, dropped: 1, tokens: 3 } });
  });

  it('count what the template and the separator take', async () => {
    const written = {
      template: 'Notes: {examples} Question: {prompt} Answer:',
      separator: ' / ',
      example_template: '[{text}]',
    };
    const placed = await place(three, 23, { layout: written });
    expect(placed.prompt).toBe('Notes: [one two] / [three four] / [five six] Question: prompt Answer:');
    expect(placed.report).toEqual({ examples: 3, dropped: 0, tokens: words(placed.prompt) - words('prompt') });
    expect(words(placed.prompt)).toBe(22);
    expect((await place(three, 21, { layout: written })).report.examples).toBe(2);
  });
});

describe('no examples', () => {
  it('leave the prompt alone, whatever the template', async () => {
    const written = { template: 'Notes: {examples}\nQ: {prompt}' };
    expect(await place([], 100, { layout: written })).toEqual({
      prompt: 'prompt',
      report: { examples: 0, dropped: 0, tokens: 0 },
    });
  });

  it('ask nothing of the tokenizer', async () => {
    const { asked, count } = countWith(words);
    await placeExamples(count, { picks: [], layout: layout.parse({}), prompt: 'x' }, () => 100);
    expect(asked).toEqual([]);
  });
});

/** Merges two letters that stand side by side, spaces between passed over: texts joined have fewer tokens than apart. */
const merging = (text: string): number => Math.ceil(text.replaceAll(/\s/g, '').length / 2);
/** The other way round: texts joined have more tokens than apart. */
const splitting = (text: string): number => text.length + (text.split('\n\n').length - 1) ** 2;

describe('for any texts and tokenizers', () => {
  const texts = fc.array(
    fc.record({
      text: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
      similarity: fc.double({ min: -1, max: 1, noNaN: true }),
    }),
    { maxLength: 40 },
  );

  it.each([
    ['words', words],
    ['merging across borders', merging],
    ['splitting at borders', splitting],
  ])('as many go in as fit, and what goes in is nearest (%s)', async (_, tokensOf) => {
    await fc.assert(
      fc.asyncProperty(texts, fc.string(), fc.integer({ min: 0, max: 200 }), async (given, prompt, most) => {
        const picks = given.map(({ text, similarity }) => pick(text, similarity));
        const distinct = [...new Map(picks.map((one) => [one.text, one])).keys()];
        const { prompt: whole, report } = await place(picks, most, { prompt, tokensOf });
        expect(report.examples + report.dropped).toBe(distinct.length);
        expect(whole.endsWith(prompt)).toBe(true);
        expect(report.tokens).toBe(tokensOf(whole) - tokensOf(prompt));
        if (report.examples > 0) expect(tokensOf(whole)).toBeLessThanOrEqual(most);
        // none was left out that would have fitted alone while nothing went in
        if (report.examples === 0) {
          for (const text of distinct) expect(tokensOf(`${text}\n\n${prompt}`)).toBeGreaterThan(most);
        }
      }),
    );
  });

  it.each([
    ['words', words],
    ['merging across borders', merging],
    ['splitting at borders', splitting],
  ])('the largest number that fits goes in, where every example fits alone (%s)', async (_, tokensOf) => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 200 }), async (n, more) => {
        const picks = Array.from({ length: n }, (_, i) => pick(`a${i} `.repeat(1 + (i % 4)).trim(), i));
        const written = (texts: readonly string[]) => tokensOf([...texts, 'prompt'].join('\n\n'));
        const most = more + Math.max(...picks.map(({ text }) => written([text])));
        const { report } = await place(picks, most, { tokensOf });
        const nearest = (k: number) => picks.slice(n - k).map(({ text }) => text);
        let best = 0;
        for (let k = 1; k <= n; k++) if (written(nearest(k)) <= most) best = k;
        expect(report.examples).toBe(best);
      }),
    );
  });
});

describe('counting tokens', () => {
  it('takes a few calls, however many examples there are, and looks no further than the room', async () => {
    const { asked, count } = countWith(words);
    const picks = Array.from({ length: 200 }, (_, i) => pick(`example number ${i} of many`, i));
    const placed = await placeExamples(count, { picks, layout: layout.parse({}), prompt: 'x' }, () => 40);
    expect(placed.report.examples).toBe(7);
    expect(asked.length).toBeLessThanOrEqual(6);
    expect(asked.flat().length).toBeLessThan(40);
  });
});

describe('a template that leaves no room', () => {
  it('is known at once, whatever the number of examples', async () => {
    const { asked, count } = countWith(words);
    const picks = Array.from({ length: 200 }, (_, i) => pick(`example ${i}`, i));
    const long = layout.parse({ template: `${'word '.repeat(500)}{examples}{prompt}` });
    expect((await placeExamples(count, { picks, layout: long, prompt: 'x' }, () => 100)).report).toEqual({
      examples: 0,
      dropped: 200,
      tokens: 0,
    });
    expect(asked.length).toBe(1);
    const apart = layout.parse({ separator: ' word'.repeat(200) });
    expect((await placeExamples(count, { picks, layout: apart, prompt: 'x' }, () => 100)).report.examples).toBe(1);
    expect(asked.length).toBeLessThan(20);
  });
});

describe('the room for an answer', () => {
  it.each([
    [16, 1_024, 300, 16],
    [2_048, 1_024, 300, 362],
    [0, 1_024, 300, 1],
    [16, 1_024, 1_010, 7],
    [16, 1_024, 1_023, 1],
  ])('max_tokens %i, context %i, prompt %i: %i are kept', (maxTokens, context, prompt, kept) => {
    expect(roomForAnswer(maxTokens, context, prompt)).toBe(kept);
  });
});
