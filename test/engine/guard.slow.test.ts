// The guard with the shipped model: what it undoes leaves no trace, and what it keeps is what was asked for, bit for bit.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../gateway/backends/contract.ts';
import { createEmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import { score, tune } from '../../gateway/tune.ts';
import { settleUse } from '../../gateway/use.ts';
import { at } from '../../wire/list.ts';
import { scoreRequest, tuneRequest } from '../../wire/tune/requests.ts';
import type { ScoreResponse, TuneEvent } from '../../wire/tune/responses.ts';

const directory = new URL('../../models/base', import.meta.url).pathname;
const never = new AbortController().signal;
const recipe = (name: string): string =>
  `## ${name}.brew(options)\n\nBrews a pot of ${name} with the given options and returns a \`Promise<Pot>\`.\n`;
const pick = (name: string) => ({ id: name, text: recipe(name) });
const picks = ['coffee', 'mate', 'cocoa', 'chai', 'rooibos'].map(pick);
const unlike = [
  'In the spring of 1789 the estates met at Versailles, and no one there knew what would come of it.',
  '∀ε>0 ∃δ>0: |x−a|<δ ⇒ |f(x)−f(a)|<ε',
  'Zwei Eier schaumig schlagen, dann das Mehl mit einer Prise Salz unterheben und ruhen lassen.',
  'SELECT name, count(*) FROM orders GROUP BY name HAVING count(*) > 3 ORDER BY 2 DESC;',
].map((text, i) => ({ id: `${i}`, text }));

let backend: Backend;
beforeAll(async () => {
  backend = await createEmbeddedBackend({ models: { base: directory } });
});
afterAll(() => backend?.close());

const served = () => ({ backend, model: at(backend.models, 0) });
const now = () => performance.now();
const run = async (tuning: object, changes: object = {}) => {
  const sampling = { max_tokens: 24, temperature: 0.8, seed: 3 };
  const prompt = '## tea.brew(options)\n';
  const request = settleUse(
    served().model,
    tuneRequest.parse({ model: 'base', prompt, picks, sampling, tuning, ...changes }),
  );
  const events: TuneEvent[] = await Array.fromAsync(tune(served(), request, 0, never, now));
  const usage = events.find((event) => event.event === 'usage');
  if (usage === undefined) throw new Error('no usage');
  return {
    text: events.map((event) => (event.event === 'token' ? event.text : '')).join(''),
    losses: events.flatMap((event) => (event.event === 'step' ? [event.step.loss] : [])),
    guard: usage.usage.tuning.guard,
  };
};
const scored = (tuning: object, changes: object = {}): Promise<ScoreResponse> =>
  score(
    served(),
    settleUse(served().model, scoreRequest.parse({ model: 'base', text: recipe('tea'), picks, tuning, ...changes })),
    0,
    never,
    now,
  );

const ways = [
  ['full', {}],
  ['lora', {}],
] as const;

describe.each(ways)('%s tuning at the model’s own rate', (method) => {
  it('is kept, with the very text and losses that it has without the guard', async () => {
    const [guarded, alone] = [await run({ method }), await run({ method, guard: false })];
    expect(guarded.guard).toMatchObject({ outcome: 'kept', kept_steps: 5, undone_steps: 0, restarts: 0, reason: null });
    expect(guarded.guard?.prequential).toBeLessThan(-0.05);
    expect(alone.guard).toBeNull();
    expect([guarded.text, guarded.losses]).toEqual([alone.text, alone.losses]);
    expect((await scored({ method })).after).toEqual((await scored({ method, guard: false })).after);
  });

  it('of one pick, or one repeated, is made unjudged', async () => {
    const [coffee] = picks;
    for (const few of [[coffee], [coffee, coffee, coffee, coffee]]) {
      const [guarded, alone] = [
        await run({ method }, { picks: few }),
        await run({ method, guard: false }, { picks: few }),
      ];
      expect(guarded.guard).toMatchObject({ prequential: null, outcome: 'kept', kept_steps: few.length });
      expect(guarded.text).toBe(alone.text);
    }
  });
});

describe.each([
  ['full', 0.3],
  ['lora', 1],
] as const)('%s tuning at a rate of %d, which does harm', (method, learning_rate) => {
  it('does so without the guard', async () => {
    const answer = await scored({ method, learning_rate, guard: false }).catch(() => undefined);
    expect(answer === undefined || answer.after.bits > answer.before.bits).toBe(true);
  });

  it('ends as the base model, bit for bit, and leaves no trace for the next', async () => {
    const base = await run({}, { picks: [] });
    const guarded = await run({ method, learning_rate });
    expect(guarded.guard).toMatchObject({ outcome: 'base', kept_steps: 0 });
    expect(guarded.text).toBe(base.text);
    const answer = await scored({ method, learning_rate });
    expect(answer.after).toEqual((await scored({}, { picks: [] })).before);
    expect((await run({}, { picks: [] })).text).toBe(base.text);
    expect((await run({ method })).text).toBe((await run({ method, guard: false })).text);
  });
});

describe('a rate that is a few times too large', () => {
  it('is lowered, and the answer is that of the lower rate', async () => {
    const guarded = await scored({ method: 'full', learning_rate: 2e-2 });
    const { guard } = guarded.tuning;
    expect(guard).toMatchObject({ outcome: 'lowered', kept_steps: 5 });
    expect(guard?.rate).toBeLessThan(1e-2);
    const there = await scored({ method: 'full', learning_rate: guard?.rate, guard: false });
    expect(guarded.after).toEqual(there.after);
    expect(guarded.steps.map(({ loss }) => loss)).toEqual(there.steps.map(({ loss }) => loss));
    expect(guarded.after.bits).toBeLessThan(guarded.before.bits);
  });
});

describe('picks unlike each other and the prompt', () => {
  it('are judged by what they do to one another', async () => {
    const { guard } = await run({ method: 'full', learning_rate: 3e-3 }, { picks: unlike });
    expect(guard?.prequential).not.toBeNull();
    expect(['lowered', 'base']).toContain(guard?.outcome);
  });
});
