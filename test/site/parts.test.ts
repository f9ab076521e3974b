// What the playground works with, without a browser.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { selectionFields } from '../../cli/ask/fields.ts';
import type { Command } from '../../cli/commands/command.ts';
import { select } from '../../cli/commands/select.ts';
import { IDLE, withEvent } from '../../site/playground/answer.ts';
import { commandLine } from '../../site/playground/command-line.ts';
import { type Compared, gistOf, ofSiftsPool, type Pick } from '../../site/playground/compare.ts';
import { differencesOf, inWords, percent } from '../../site/playground/differences.ts';
import { examplesOf } from '../../site/playground/files.ts';
import { fragmentOf, readFragment } from '../../site/playground/fragment.ts';
import { cosine, heights, mostLike } from '../../site/playground/plane.ts';
import { DEFAULTS, placeOf, SETTINGS, valueAt } from '../../site/playground/settings.ts';
import { runTyped } from '../cli/typed.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the address of a view', () => {
  const view = { ...DEFAULTS, corpus: 'docs', prompt: 'a & b#c=ü\n"', selection: 'sel_1' };

  it('says the same when it is read again', () => {
    expect(readFragment(fragmentOf(view)).view).toEqual(view);
    const changed = { ...view, n: 3, lambda: 0.02, degree: 1, rounds: 8 };
    expect(readFragment(fragmentOf(changed)).view).toEqual(changed);
  });

  it('gives a key once and never holds one', () => {
    const { key, view: rest } = readFragment('#key=sk-1&corpus=docs');
    expect(key).toBe('sk-1');
    expect(fragmentOf(rest)).toBe('#corpus=docs');
  });

  it('takes anything, and keeps to the range of each setting', () => {
    expect(readFragment('#n=1e9&lambda=-4&degree=x&rounds=&%E0%A4%A').view).toMatchObject({
      n: 30,
      lambda: 0.001,
      degree: DEFAULTS.degree,
      rounds: DEFAULTS.rounds,
    });
  });

  it('has a place on each slider for each default', () => {
    for (const setting of SETTINGS) {
      expect(valueAt(setting, placeOf(setting, DEFAULTS[setting.name]))).toBe(DEFAULTS[setting.name]);
    }
  });
});

describe('the command line of a view', () => {
  const origin = 'https://sift.example.com:8443';
  /** What the command would ask the edge for, if a shell were given this line. */
  const asked = async (line: string) => {
    let body: unknown;
    const spied: Command = {
      ...select,
      run: async (given) => {
        body = { server: given.values.server, corpus: given.values.corpus, prompt: given.positionals[0] };
        body = { ...(body as object), ...selectionFields(given.values) };
      },
    };
    const words = execFileSync('sh', ['-c', `npx() { printf '%s\\0' "$@"; }; ${line}`], { encoding: 'utf8' });
    const { code, stderr } = await runTyped(words.split('\0').slice(1, -1), { commands: [spied] });
    expect([code, stderr]).toEqual([0, '']);
    return body;
  };

  it.each(['How do I stream a response?', 'it\'s `x` $(rm -rf /) "y" \\ !\n--n 5', '--help', 'größer'])(
    'asks for the same, whatever the prompt: %s',
    async (prompt) => {
      const view = { ...DEFAULTS, corpus: 'my docs', prompt, selection: '', n: 3, lambda: 0.02, degree: 1, rounds: 8 };
      const { corpus, n, lambda, degree, rounds } = view;
      const same = { server: origin, corpus: [corpus], prompt, n, lambda, degree, rounds };
      expect(await asked(commandLine(view, origin))).toEqual(same);
    },
  );

  it('leaves out what is at its default, but the number of picks', () => {
    const view = { ...DEFAULTS, corpus: 'starter', prompt: 'router', selection: 'sel_1' };
    expect(commandLine(view, origin)).toBe(`npx sift-edge select --server ${origin} --corpus starter --n 10 router`);
  });
});

it('names an example without a text by its id', () => {
  const pick = (text: string | null) => ({ id: 'v7', text }) as Pick;
  expect([gistOf(pick('a text'), 3), gistOf(pick(''), 200), gistOf(pick(null), 200)]).toEqual(['a t', 'v7', 'v7']);
});

describe('the map', () => {
  it('spreads examples along the direction in which they differ, at right angles to the prompt', () => {
    const places = heights(
      [1, 0, 0],
      [
        [0.9, 0.3, 0.01],
        [0.5, -0.3, 0.01],
        [0.7, 0, 0.01],
      ],
    );
    expect(places.map((place) => Number(place.toFixed(6)))).toEqual([0.3, -0.3, 0]);
  });

  it('draws a single example, equal ones and vectors of nothing without a fault', () => {
    expect(heights([1, 0], [[0.5, 0.5]])).toEqual([0]);
    expect(
      heights(
        [0, 0],
        [
          [0, 0],
          [0, 0],
        ],
      ),
    ).toEqual([0, 0]);
    expect(cosine([0, 0], [1, 0])).toBe(0);
  });

  it('knows the one that is most alike', () => {
    const others = [
      { id: 'a', vector: [1, 0] },
      { id: 'b', vector: [1, 1] },
      { id: 'c', vector: undefined },
    ];
    expect(mostLike([0, 1], others)).toMatchObject({ id: 'b' });
    expect(mostLike([0, 1], [])).toBeUndefined();
    expect(mostLike(undefined, others)).toBeUndefined();
  });
});

const pick = (id: string, sigma2: number, explained: number | null): Pick =>
  ({ id, text: id, sigma2, explained, similarity: 0.5, copies: 1 }) as unknown as Pick;
const sift = (picks: Pick[]): Compared['sift'] =>
  ({
    picks,
    n: picks.length,
    explained: picks.at(-1)?.explained ?? null,
    sigma2: { initial: 1, final: picks.at(-1)?.sigma2 ?? 1 },
  }) as unknown as Compared['sift'];

describe('strategies side by side', () => {
  it('are measured on one pool', () => {
    // SIFT's pool can remove 0.4; a smaller pool had told 0.9 for the same variance
    const own = sift([pick('a', 0.8, 0.5)]);
    expect(ofSiftsPool(own, [pick('b', 0.9, 0.9)])[0]?.explained).toBeCloseTo(0.25);
    expect(ofSiftsPool(sift([pick('a', 1, null)]), [pick('b', 0.9, 0.9)])[0]?.explained).toBeNull();
  });

  it('are marked where they differ, and say what is repeated', () => {
    const vectors = new Map([
      ['a', [1, 0]],
      ['b', [0, 1]],
      ['a2', [1, 0.01]],
    ]);
    const compared = {
      sift: sift([pick('a', 0.8, 0.5), pick('b', 0.7, 0.75)]),
      nn: [pick('a', 0.8, 0.5), pick('a2', 0.8, 0.5)],
      mmr: [],
      vectors,
      notes: [],
    };
    const rows = differencesOf(compared);
    expect(rows.sift.map(({ marked }) => marked)).toEqual(['shared', 'only']);
    expect(rows.nn.map(({ marked }) => marked)).toEqual(['shared', 'only']);
    expect(rows.nn[1]?.like).toMatchObject({ id: 'a', place: 1 });
    expect(rows.sift[0]?.like).toBeUndefined();
    expect(inWords(compared)).toContain('It passed over 1 of the 2 nearest, which repeats a pick.');
  });

  it('are told where there is nothing', () => {
    expect(inWords({ sift: sift([]), notes: [] })).toContain('Nothing was picked');
    expect([null, 0, 0.004, 0.5, 0.9999, 1].map(percent)).toEqual([
      'nothing',
      '0\u00a0%',
      '0.4\u00a0%',
      '50\u00a0%',
      '99.9\u00a0%',
      '100\u00a0%',
    ]);
  });
});

describe('files', () => {
  it('are an example each, or one a line', () => {
    expect(examplesOf('a.md', bytes('text')).examples).toEqual([{ id: 'a.md', source: 'a.md', text: 'text' }]);
    const { examples, refused } = examplesOf('b.jsonl', bytes('{"text":"one"}\n\n{"text"\n{"text":"two"}'));
    expect(examples).toEqual([{ text: 'one' }, { text: 'two' }]);
    expect(refused).toEqual([{ name: 'b.jsonl, line 3', why: 'is not JSON' }]);
    expect(examplesOf(`${'ü'.repeat(40)}.md`, bytes('x')).examples[0]).not.toHaveProperty('id');
  });

  it('that are no text are refused with the reason', () => {
    const why = (content: Uint8Array) => examplesOf('f', content).refused[0]?.why;
    expect([why(new Uint8Array()), why(new Uint8Array([1, 0])), why(new Uint8Array([0xff]))]).toEqual([
      'is empty',
      'is no text: it holds a zero byte',
      'is not UTF-8',
    ]);
  });
});

it('an answer forgets the losses of steps that were undone', () => {
  const step = (index: number, loss: number) =>
    ({ type: 'sift', name: 'step', value: { index, of: 3, loss, id: 'x' } }) as const;
  let answer = withEvent(withEvent(IDLE, step(0, 3), 1), step(1, 4), 2);
  expect(answer.losses).toEqual([3, 4]);
  answer = withEvent(answer, { type: 'sift', name: 'restart', value: { undone: 2, of: 3, reason: 'harm' } }, 3);
  expect(answer.losses).toEqual([]);
  answer = withEvent(withEvent(answer, step(0, 2), 4), { type: 'text', index: 0, text: 'Hi' }, 5);
  answer = withEvent(answer, { type: 'text', index: 0, text: '!' }, 9);
  expect(answer).toMatchObject({ losses: [2], text: 'Hi!', firstMs: 5 });
});
