// A selection told line by line, with texts that come when the test says so, or never.
import { describe, expect, it } from 'vitest';
import { loadKernel } from '../../functions/kernel/module.node.ts';
import { selectFromCandidates } from '../../functions/select/candidates.ts';
import { delivered } from '../../functions/select/delivery.ts';
import { bodyOf, selectionLines } from '../../functions/select/lines.ts';
import type { Draft } from '../../functions/select/select.ts';
import type { Selection } from '../../functions/select/selection.ts';
import { selectionOptions, selectRequest } from '../../wire/api/select.ts';
import { FaultError } from '../../wire/faults.ts';
import { seededRandom } from '../../wire/random.ts';
import { randomUnit } from './vectors.ts';

const kernel = await loadKernel();
const next = seededRandom(4);
const sent = Array.from({ length: 30 }, (_, i) => ({ id: `${i}`, vector: randomUnit(8, next) }));
const selection = selectFromCandidates(sent, [randomUnit(8, next)], selectionOptions.parse({ n: 20 }), kernel.select);
const request = selectRequest.parse({ corpus: 'c', input: 'x' });

/** Every text has to be given; how many were asked for. */
const waiting = () => {
  const given = selection.picks.map(() => Promise.withResolvers<string>());
  const asked: number[] = [];
  const text: Draft['text'] = (place) => {
    asked.push(place);
    return given[place]?.promise ?? Promise.resolve(undefined);
  };
  return { given, asked, draft: { selection, text } };
};
const finish = async (whole: Selection) => ({ content: { ...delivered(whole, undefined), timings: {} } });

describe('a selection line by line', () => {
  it('tells each pick as soon as its text is there, with six texts asked for ahead at most', async () => {
    const { given, asked, draft } = waiting();
    const lines = selectionLines(draft, request, finish, () => {});
    const first = lines.next();
    await Promise.resolve();
    expect(asked).toEqual([0, 1, 2, 3, 4, 5]);
    given[0]?.resolve('text 0');
    expect(JSON.parse((await first).value ?? '')).toMatchObject({ pick: { text: 'text 0' } });
    for (const [i, one] of given.entries()) one.resolve(`text ${i}`);
    const rest: unknown[] = [];
    for await (const line of lines) rest.push(JSON.parse(line));
    expect(rest).toHaveLength(20);
    expect(rest.slice(0, -1)).toMatchObject(
      selection.picks.slice(1).map((_, i) => ({ pick: { text: `text ${i + 1}` } })),
    );
    expect(rest.at(-1)).toMatchObject({ selection: { sigma2: { final: selection.finalVariance } } });
    expect(rest.at(-1)).not.toHaveProperty('selection.picks');
  });

  it('ends in an error where a text cannot be read, and keeps nothing', async () => {
    const { given, draft } = waiting();
    const failures: unknown[] = [];
    let finished = false;
    const keep = async (whole: Selection) => {
      finished = true;
      return finish(whole);
    };
    given[0]?.resolve('text 0');
    given[1]?.reject(new FaultError({ kind: 'internal', message: 'missing' }));
    const told: object[] = [];
    for await (const line of selectionLines(draft, request, keep, (error) => failures.push(error))) {
      told.push(JSON.parse(line));
    }
    expect(told.map((line) => Object.keys(line)[0])).toEqual(['pick', 'error']);
    expect([failures.length, finished]).toEqual([1, false]);
  });

  it('asks for nothing more once its reader has left', async () => {
    const { given, asked, draft } = waiting();
    given[0]?.resolve('text 0');
    const reader = bodyOf(selectionLines(draft, request, finish, () => {})).getReader();
    await reader.read();
    given[1]?.resolve('text 1');
    await reader.cancel();
    const before = asked.length;
    for (const one of given) one.resolve('late');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked.length).toBe(before);
  });

  it('asks for no text that is not told', async () => {
    const { asked, draft } = waiting();
    const bare = selectRequest.parse({ corpus: 'c', input: 'x', fields: ['id'] });
    const told: string[] = [];
    for await (const line of selectionLines(draft, bare, finish, () => {})) told.push(line);
    expect([told.length, asked]).toEqual([21, []]);
  });
});
