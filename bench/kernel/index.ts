// `npm run bench -- kernel [--json] [--quick]`: the kernel in Node and in workerd beside plain JavaScript and native C, which
// has a float32 and a Q15 form as the kernel does, so that like is compared with like. In each round every form runs once,
// one after another; a figure is the median over rounds, a ratio the median of the rounds' ratios, so that a change of the
// machine's speed affects both sides. On a busy machine the ratios of the minima are more reliable; the second line of each
// row and --json have them. "core" is the kernel with its rows in place; "select()" is the call as the edge makes it, with
// the rows copied in and the answer copied out.
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { buildKernel } from '../../assembly/build.ts';
import { at } from '../../wire/list.ts';
import { median, quantile } from '../statistics.ts';
import { measureCold } from './cold.ts';
import { LAMBDA, makeInputs, PICKS, type Shape } from './inputs.ts';
import { compileNative } from './native.ts';
import { selectPlain } from './plain.ts';
import { type Kind, type Mode, prepare } from './subject.ts';
import { startWorkerd, type Workerd } from './workerd.ts';

/** How long one form runs in one round, ms: long against a request's 1 ms, short against changes of the machine's speed. */
const SLICE_MS = 20;

const SHAPES: readonly Shape[] = [
  ...[200, 1000].flatMap((K) => [384, 768, 1024, 1536].map((d) => ({ K, d }))),
  { K: 10_000, d: 384 },
];
const COLD: Shape = { K: 200, d: 1024 };
const QUICK: readonly Shape[] = [COLD];

interface Form {
  readonly name: string;
  /** Milliseconds for so many selections. */
  time(repetitions: number): number | Promise<number>;
}

interface Figures {
  readonly min: number;
  readonly median: number;
  readonly p99: number;
}

interface Row {
  readonly shape: string;
  readonly us: Record<string, Figures>;
  readonly ratios: Record<string, number>;
  /** Ratios of the minima. */
  readonly quietest: Record<string, number>;
  /** Picks before the first difference from the same form in Node; for Q15 and plain JavaScript, from float32 in Node. */
  readonly agree: Record<string, number>;
}

/** name → [numerator, denominator]. The first two compare like with like, the third Q15 rows with float32 rows. */
const RATIOS: Record<string, readonly [string, string]> = {
  'f32 workerd / native f32': ['f32 workerd', 'native f32'],
  'q15 workerd / native q15': ['q15 workerd', 'native q15'],
  'q15 workerd / native f32': ['q15 workerd', 'native f32'],
  'plain JS / q15 workerd': ['plain JS', 'q15 workerd'],
  'q15 select() / native q15': ['q15 select()', 'native q15'],
  'q15 p=6 / q15': ['q15 p=6 workerd', 'q15 workerd'],
};

const figures = (values: readonly number[]): Figures => ({
  min: Math.min(...values),
  median: median(values),
  p99: quantile(values, 0.99),
});

const clocked = (work: () => unknown): number => {
  const from = performance.now();
  work();
  return performance.now() - from;
};

const inWorkerd = (workerd: Workerd, name: string, kind: Kind, mode: Mode, shape: Shape): Form => {
  // the time of an empty request is subtracted; the shortest so far, since a delayed one would make the form look faster
  let empty = Number.POSITIVE_INFINITY;
  return {
    name,
    async time(repetitions) {
      empty = Math.min(empty, (await workerd.run(kind, mode, shape, 0)).ms);
      return (await workerd.run(kind, mode, shape, repetitions)).ms - empty;
    },
  };
};

/** Repetitions that fill a slice, by the shortest of three tries. The tries are the warm-up as well. */
const calibrate = async (form: Form): Promise<number> => {
  for (let repetitions = 1; ; repetitions *= 2) {
    let ms = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 3; attempt++) ms = Math.min(ms, await form.time(repetitions));
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
  const rounds = quick ? 15 : 21;
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
      const children =
        'missing' in native
          ? []
          : await Promise.all(
              (['f32', 'q15'] as const).map(async (kind) => ({ kind, child: await native.open(shape, kind) })),
            );
      const forms: Form[] = [
        { name: 'f32 Node', time: (n) => clocked(() => f32.run('core', n)) },
        { name: 'q15 Node', time: (n) => clocked(() => q15.run('core', n)) },
        inWorkerd(workerd, 'f32 workerd', 'f32', 'core', shape),
        inWorkerd(workerd, 'q15 workerd', 'q15', 'core', shape),
        inWorkerd(workerd, 'q15 p=6 workerd', 'q15 p=6', 'core', shape),
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
      for (const { kind, child } of children) {
        forms.push({ name: `native ${kind}`, time: async (n) => (await child.run(n)).ms });
      }
      const timed: { form: Form; repetitions: number; us: number[] }[] = [];
      for (const form of forms) timed.push({ form, repetitions: await calibrate(form), us: [] });
      for (let round = 0; round < rounds; round++) {
        for (const { form, repetitions, us } of timed) us.push(((await form.time(repetitions)) / repetitions) * 1e3);
      }
      const times: Record<string, number[]> = Object.fromEntries(timed.map(({ form, us }) => [form.name, us]));
      const agree: Record<string, number> = {
        q15: prefix(f32.picks, q15.picks),
        'plain JS': prefix(f32.picks, selectPlain(problem)),
        workerd: prefix(f32.picks, (await workerd.run('f32', 'core', shape, 1)).picks),
      };
      for (const { kind, child } of children) {
        agree[`native ${kind}`] = prefix(kind === 'f32' ? f32.picks : q15.picks, (await child.run(1)).picks);
        child.stop();
      }
      const ratios: Record<string, number> = {};
      const quietest: Record<string, number> = {};
      for (const [name, [above, below]] of Object.entries(RATIOS)) {
        const [a, b] = [times[above], times[below]];
        if (a === undefined || b === undefined) continue;
        ratios[name] = median(a.map((value, r) => value / at(b, r)));
        quietest[name] = Math.min(...a) / Math.min(...b);
      }
      const us = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, figures(values)]));
      table.push({ shape: `${shape.K}×${shape.d}`, us, ratios, quietest, agree });
      if (!json) print(at(table, table.length - 1), table.length === 1);
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
  const cold = await measureCold(COLD);
  if (json) {
    console.log(JSON.stringify({ ...facts, table, cold: { shape: `${COLD.K}×${COLD.d}`, ...cold } }));
    return;
  }
  console.log(`\nµs a selection of ${PICKS}, λ ${LAMBDA}, medians of ${rounds} rounds; ${machine}, Node ${facts.node}`);
  console.log(
    `cold, q15 ${COLD.K}×${COLD.d}, Node: ${cold.instantiate.toFixed(1)} ms to compile and instantiate, ` +
      `${cold.first.toFixed(1)} ms for the first select(); or 200 tiny ones in ${cold.warming.toFixed(1)} ms, ` +
      `then ${cold.afterWarming.toFixed(1)} ms`,
  );
};

const print = (row: Row, head: boolean): void => {
  const names = [...Object.keys(row.us), ...Object.keys(row.ratios)];
  const padded = (text: string, i: number): string => text.padStart(Math.max(at(names, i).length, 8));
  if (head) console.log(['K×d'.padEnd(10), ...names.map(padded)].join('  '));
  const numbers = [
    ...Object.values(row.us).map((us) => us.median.toFixed(0)),
    ...Object.values(row.ratios).map((r) => r.toFixed(2)),
  ];
  const cells = numbers.map(padded);
  console.log([row.shape.padEnd(10), ...cells].join('  '));
  const line = (pick: (us: Figures) => number): string =>
    Object.values(row.us)
      .map((us, i) => padded(pick(us).toFixed(0), i))
      .join('  ');
  const quietest = Object.values(row.quietest).map((r, i) => padded(r.toFixed(2), Object.keys(row.us).length + i));
  console.log(['  min'.padEnd(10), line((us) => us.min), ...quietest].join('  '));
  console.log(['  p99'.padEnd(10), line((us) => us.p99)].join('  '));
  for (const [form, same] of Object.entries(row.agree)) {
    if (same < PICKS) console.log(`  ${form} takes another order from pick ${same + 1} on`);
  }
};
