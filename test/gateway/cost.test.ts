// The estimate of a request's work: what must count more, and what a request cannot hide.
import { describe, expect, it } from 'vitest';
import { scoreCost, tuneCost } from '../../gateway/cost.ts';
import { settleUse } from '../../gateway/use.ts';
import { scoreRequest, type TuneRequestInput, tuneRequest } from '../../wire/tune/requests.ts';

const CONTEXT = 1_024;
const tune = (changes: Partial<TuneRequestInput> = {}, context = CONTEXT): number =>
  tuneCost(
    settleUse(
      { contextTokens: CONTEXT },
      tuneRequest.parse({ model: 'base', prompt: '', sampling: { max_tokens: 0 }, ...changes }),
    ),
    context,
  );
const example = (text: string) => ({ id: text.slice(0, 5), text });

describe('the cost of a request', () => {
  it('grows with every step and with the length of its example', () => {
    const short = example('short');
    const long = example('long '.repeat(100));
    const [none, one, two] = [tune(), tune({ picks: [short] }), tune({ picks: [short, short] })];
    expect(none).toBeGreaterThan(0);
    expect(two - one).toBe(one - none);
    expect(tune({ picks: [long] })).toBeGreaterThan(one + 300);
  });

  it('counts a text no further than the context, as the backend cuts it', () => {
    const giant = example('x'.repeat(200_000));
    const full = example('x'.repeat(3 * CONTEXT));
    expect(tune({ picks: [giant] })).toBe(tune({ picks: [full] }));
    expect(tune({ prompt: giant.text })).toBe(tune({ prompt: full.text }));
    expect(tune({ sampling: { max_tokens: 2_048 } })).toBe(tune({ sampling: { max_tokens: CONTEXT } }));
    expect(tune({ picks: [giant] }, 8 * CONTEXT)).toBeGreaterThan(2 * tune({ picks: [giant] }));
  });

  it('counts a generated token more than a trained one, and that more than one that is read', () => {
    const base = tune();
    const generated = tune({ sampling: { max_tokens: 100 } }) - base;
    const trained = tune({ picks: [example('x'.repeat(300))] }) - tune({ picks: [example('x')] });
    const read = tune({ prompt: 'x'.repeat(300) }) - base;
    expect(generated).toBeGreaterThan(trained);
    expect(trained).toBeGreaterThan(read);
  });

  it('counts a reused gradient without its pass', () => {
    const picks = [example('x'.repeat(900)), example('x'.repeat(900))];
    const reused = tune({ picks, tuning: { reuse_gradients: true } });
    expect(reused).toBeLessThan(tune({ picks }));
    expect(reused).toBeGreaterThan(tune({ picks: picks.slice(1) }));
  });

  it('counts what the guard reads, and a share of the steps that it may have to make again', () => {
    const picks = ['x', 'y', 'z'].map((text) => example(text.repeat(300)));
    const alone = { picks, tuning: { guard: false } };
    // the two after the first are read once more, 100 tokens each
    const more = tune({ picks }) - tune(alone) - 200;
    const steps = tune(alone) - tune();
    expect(more).toBeGreaterThan(0);
    expect(more).toBeLessThan(steps);
    // too few picks that are new to the model to judge by: nothing more is read
    const few = [example('x'), example('y'), example('x')];
    expect(tune({ picks: few })).toBe(tune({ picks: few, tuning: { guard: false } }));
    expect(tune({ picks, use: 'context' })).toBe(tune({ ...alone, use: 'context' }));
  });

  it('counts a scored text twice when there are steps between', () => {
    const score = (changes: object) =>
      scoreCost(
        settleUse({ contextTokens: CONTEXT }, scoreRequest.parse({ model: 'base', text: 'x'.repeat(300), ...changes })),
        CONTEXT,
      );
    const picks = [example('x')];
    const step = tune({ picks }) - tune();
    expect(score({ picks }) - step - score({})).toBe(100);
    expect(score({ text: 'x'.repeat(30_000) })).toBeGreaterThan(10_000);
  });

  it('counts examples in the context as a longer prompt, and no steps where none are made', () => {
    const picks = [example('x'.repeat(300)), example('y'.repeat(600)), example('x'.repeat(300))];
    const prompt = 'p'.repeat(30);
    const longer = tune({ prompt: prompt + 'x'.repeat(300) + 'y'.repeat(600) });
    expect(tune({ prompt, picks, use: 'context' })).toBe(longer);
    expect(tune({ prompt, picks, use: 'both' })).toBe(longer + tune({ prompt, picks }) - tune({ prompt }));
    const giant = [example('x'.repeat(200_000))];
    expect(tune({ picks: giant, use: 'context' })).toBe(tune({ prompt: giant[0]?.text ?? '' }));
    const score = (changes: object) =>
      scoreCost(
        settleUse({ contextTokens: CONTEXT }, scoreRequest.parse({ model: 'base', text: 'x'.repeat(300), ...changes })),
        CONTEXT,
      );
    expect(score({ picks, use: 'context' })).toBe(2 * score({}) - tune() + 300);
    expect(score({ picks: [], use: 'context' })).toBe(score({}));
  });
});
