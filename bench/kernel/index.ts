// `npm run bench -- kernel [--json] [--quick]`: the kernel in Node and in workerd beside plain JavaScript and native C.
// In each round every form runs once, one after another; a figure is the median over rounds, a ratio the median of
// the rounds' ratios, so that a machine whose speed wanders slows both sides of it. Nothing else should run meanwhile.
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { buildKernel } from '../../assembly/build.ts';
import { LAMBDA, makeInputs, PICKS, type Shape } from './inputs.ts';
import { compileNative } from './native.ts';
import { selectPlain } from './plain.ts';
import { type Kind, type Mode, prepare } from './subject.ts';
import { startWorkerd, type Workerd } from './workerd.ts';

/** How long one form runs in one round, ms: long against a request's 1 ms, short against the machine's moods. */
const SLICE_MS = 40;

const SHAPES: readonly Shape[] = [
  ...[200, 1000].flatMap((K) => [384, 768, 1024, 1536].map((d) => ({ K, d }))),
  { K: 10_000, d: 384 },
];
const QUICK: readonly Shape[] = [{ K: 200, d: 1024 }];

interface Form {
  readonly name: string;
  /** Milliseconds for so many selections. */
  time(repetitions: number): number | Promise<number>;
}

interface Row {
  readonly shape: string;
  readonly us: Record<string, number>;
  readonly ratios: Record<string, number>;
  /** Picks in which each form agrees with float32 in Node before the first difference. */
  readonly agree: Record<string, number>;
}

/** name → [numerator, denominator]; the first three are what the project promises at 200×1024. */
const RATIOS: Record<string, readonly [string, string]> = {
  'q15 workerd / native': ['q15 workerd', 'native f32'],
  'f32 workerd / native': ['f32 workerd', 'native f32'],
  'plain JS / q15 workerd': ['plain JS', 'q15 workerd'],
  'q15 select() / native': ['q15 select()', 'native f32'],
};

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};

const clocked = (work: () => unknown): number => {
  const from = performance.now();
  work();
  return performance.now() - from;
};

const inWorkerd = (workerd: Workerd, name: string, kind: Kind, mode: Mode, shape: Shape): Form => ({
  name,
  // an empty request beside it takes the transport out
  async time(repetitions) {
    const empty = await workerd.run(kind, mode, shape, 0);
    return (await workerd.run(kind, mode, shape, repetitions)).ms - empty.ms;
  },
});

/** Repetitions that fill a slice; the tries are the warm-up. */
const calibrate = async (form: Form): Promise<number> => {
  for (let repetitions = 1; ; repetitions *= 2) {
    const ms = await form.time(repetitions);
    if (ms > SLICE_MS / 4) return Math.max(1, Math.round((repetitions * SLICE_MS) / ms));
  }
};

const prefix = (a: readonly number[], b: readonly number[]): number => {
  const differs = a.findIndex((pick, n) => pick !== b[n]);
  return differs < 0 ? a.length : differs;
};

export const run = async (args: readonly string[]): Promise<void> => {
  const json = args.includes('--json');
  const quick = args.includes('--quick');
  const rounds = quick ? 7 : 9;
  await buildKernel();
  const module = await WebAssembly.compile(await readFile(new URL('../../build/sift.wasm', import.meta.url)));
  const native = await compileNative();
  if ('missing' in native) console.error(`native C is left out: ${native.missing}`);
  const workerd = await startWorkerd();
  const table: Row[] = [];
  try {
    for (const shape of quick ? QUICK : SHAPES) {
      const f32 = prepare(module, 'f32', shape);
      const q15 = prepare(module, 'q15', shape);
      const { rows, query } = makeInputs(shape);
      const problem = { rows, query, d: shape.d, picks: PICKS, lambda: LAMBDA };
      const child = 'missing' in native ? undefined : await native.open(shape);
      const forms: Form[] = [
        { name: 'f32 Node', time: (n) => clocked(() => f32.run('core', n)) },
        { name: 'q15 Node', time: (n) => clocked(() => q15.run('core', n)) },
        inWorkerd(workerd, 'f32 workerd', 'f32', 'core', shape),
        inWorkerd(workerd, 'q15 workerd', 'q15', 'core', shape),
        inWorkerd(workerd, 'f32 select()', 'f32', 'select', shape),
        inWorkerd(workerd, 'q15 select()', 'q15', 'select', shape),
        {
          name: 'plain JS',
          time: (n) =>
            clocked(() => {
              for (let i = 0; i < n; i++) selectPlain(problem);
            }),
        },
      ];
      if (child !== undefined) forms.push({ name: 'native f32', time: async (n) => (await child.run(n)).ms });
      const times: Record<string, number[]> = {};
      const repetitions: number[] = [];
      for (const form of forms) repetitions.push(await calibrate(form));
      for (let round = 0; round < rounds; round++) {
        for (const [i, form] of forms.entries()) {
          const n = repetitions[i] ?? 1;
          times[form.name] ??= [];
          times[form.name]?.push(((await form.time(n)) / n) * 1e3);
        }
      }
      const agree: Record<string, number> = {
        q15: prefix(f32.picks, q15.picks),
        'plain JS': prefix(f32.picks, selectPlain(problem)),
        workerd: prefix(f32.picks, (await workerd.run('f32', 'core', shape, 1)).picks),
      };
      if (child !== undefined) agree['native f32'] = prefix(f32.picks, (await child.run(1)).picks);
      child?.stop();
      const ratios: Record<string, number> = {};
      for (const [name, [above, below]] of Object.entries(RATIOS)) {
        const [a, b] = [times[above], times[below]];
        if (a !== undefined && b !== undefined) ratios[name] = median(a.map((value, r) => value / (b[r] ?? 1)));
      }
      const us = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
      table.push({ shape: `${shape.K}×${shape.d}`, us, ratios, agree });
      if (!json) print(table.at(-1), table.length === 1);
    }
  } finally {
    await workerd.stop();
    if (!('missing' in native)) await native.remove();
  }
  const machine = cpus()[0]?.model ?? 'unknown';
  const facts = {
    machine,
    node: process.version,
    date: new Date().toISOString(),
    picks: PICKS,
    lambda: LAMBDA,
    rounds,
  };
  if (json) console.log(JSON.stringify({ ...facts, table }));
  else
    console.log(
      `\nµs a selection of ${PICKS}, λ ${LAMBDA}, medians of ${rounds} rounds; ${machine}, Node ${facts.node}`,
    );
};

const print = (row: Row | undefined, head: boolean): void => {
  if (row === undefined) return;
  const names = [...Object.keys(row.us), ...Object.keys(row.ratios)];
  if (head) console.log(['K×d'.padEnd(10), ...names.map((name) => name.padStart(Math.max(name.length, 8)))].join('  '));
  const figures = [
    ...Object.values(row.us).map((us) => us.toFixed(0)),
    ...Object.values(row.ratios).map((r) => r.toFixed(2)),
  ];
  const cells = figures.map((figure, i) => figure.padStart(Math.max(names[i]?.length ?? 0, 8)));
  console.log([row.shape.padEnd(10), ...cells].join('  '));
  for (const [form, same] of Object.entries(row.agree)) {
    if (same < PICKS) console.log(`  ${form} takes another order from pick ${same + 1} on`);
  }
};
