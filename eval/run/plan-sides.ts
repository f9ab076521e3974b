// The side questions: each is a function from a prompt to the arms of one small table.
import { type SelectionSpec, spec } from '../choose/spec.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Scored } from '../material/setting.ts';
import { full, lora, type Rates, rateOf, SIFT } from './arms.ts';
import { baseTask, upTo } from './cells.ts';
import { COPIES, COUNTS, DENSE, FALLBACK_LORA_RATE, KERNELS, kernelName, POOLS, STEPS } from './grid.ts';
import { TEXTS } from './plan-far.ts';
import type { Planned, Task } from './tasks.ts';
import type { Tuning } from './trajectory.ts';

type Arm = Omit<Planned, 'question'>;

/** What all side questions share. */
interface Context {
  readonly scored: Scored;
  readonly rates: Rates;
  readonly siftRate: Tuning;
  readonly nnRate: Tuning;
  /** The task of an arm of the main table, which a side question may share. */
  mainTask(prompt: Prompt, arm: string): Task;
  /** A task of STEPS steps. */
  of(prompt: Prompt, selection: SelectionSpec, tuning: Tuning, more?: Partial<Task>): Task;
}

type Question = (prompt: Prompt, context: Context) => Arm[];

const sift = spec('sift');

/** How documents are cut, after 20 steps. */
const cuts =
  (text: Scored): Question =>
  (prompt, { of, siftRate, nnRate }) => {
    const twenty = { steps: 20, scoredAt: upTo(COUNTS, 20), scored: text };
    return [
      { arm: 'base', task: baseTask(prompt, text) },
      ...(['disjoint', 'overlapping'] as const).map((cut) => ({
        arm: `nn, ${cut}`,
        task: of(prompt, spec('nn', { cut }), nnRate, twenty),
      })),
      ...(['disjoint', 'half', 'overlapping'] as const).map((cut) => ({
        arm: `sift, ${cut}`,
        task: of(prompt, { ...sift, cut }, siftRate, twenty),
      })),
    ];
  };

/** Every example several times in the corpus. */
const copies: Question = (prompt, { of, mainTask, siftRate, nnRate }) =>
  COPIES.flatMap((times) => [
    {
      arm: `sift ×${times}`,
      task: times === 1 ? mainTask(prompt, SIFT) : of(prompt, { ...sift, copies: times, n: STEPS }, siftRate),
    },
    {
      arm: `nn ×${times}`,
      task: times === 1 ? mainTask(prompt, 'nn') : of(prompt, spec('nn', { copies: times }), nnRate),
    },
  ]);

const kernels: Question = (prompt, { of, siftRate }) =>
  KERNELS.map((kernel) => ({ arm: kernelName(kernel), task: of(prompt, spec('sift', kernel), siftRate) }));

/** Without the prompt's own package. */
const siblings: Question = (prompt, { of, scored, siftRate, nnRate }) => [
  { arm: 'base', task: baseTask(prompt, scored) },
  { arm: 'nn', task: of(prompt, spec('nn', { siblings: false }), nnRate) },
  { arm: 'sift', task: of(prompt, { ...sift, siblings: false }, siftRate) },
];

const pools: Question = (prompt, { of, siftRate }) =>
  POOLS.filter(({ tuned }) => tuned).map(({ name, pool }) => ({
    arm: name,
    task: of(prompt, { ...sift, pool }, siftRate),
  }));

const loraMethod: Question = (prompt, { of, rates }) => {
  const tuning = lora(rates.lora ?? FALLBACK_LORA_RATE);
  return [
    { arm: 'nn', task: of(prompt, spec('nn'), tuning) },
    { arm: 'sift', task: of(prompt, sift, tuning) },
  ];
};

/** Packages as they are installed, CommonJS beside ESM. */
const forms: Question = (prompt, { of, siftRate, nnRate }) => [
  { arm: 'nn', task: of(prompt, spec('nn', { forms: true }), nnRate) },
  { arm: 'nn distinct', task: of(prompt, spec('nn-distinct', { forms: true }), nnRate) },
  { arm: 'sift', task: of(prompt, { ...sift, forms: true }, siftRate) },
];

/** At degree 1 with a small λ, where examples of negative covariance are picked. */
const signs: Question = (prompt, { of, siftRate }) =>
  (['plus', 'both'] as const).map((sign) => ({
    arm: sign,
    task: of(prompt, spec('sift', { degree: 1, lambda: 0.1, pool: { rounds: 3, topK: 50, sign } }), siftRate, {
      scoredAt: upTo(DENSE, STEPS),
    }),
  }));

const gradientReuse: Question = (prompt, { of, mainTask, rates, siftRate }) => [
  { arm: 'sift, repeats', task: of(prompt, { ...sift, repeat: true }, siftRate) },
  {
    arm: 'sift, repeats, gradients reused',
    task: of(prompt, { ...sift, repeat: true }, { ...siftRate, reuse: true }),
  },
  { arm: 'hullft', task: mainTask(prompt, 'hullft N=10') },
  {
    arm: 'hullft, gradients reused',
    task: of(prompt, spec('hullft', { n: STEPS }), { ...full(rateOf(rates, 'hullft')), reuse: true }),
  },
];

/** In the order in which they are run. */
const QUESTIONS: readonly (readonly [string, Question])[] = [
  ...TEXTS.map((text) => [`cuts, ${text}`, cuts(text)] as const),
  ['copies', copies],
  ['kernel', kernels],
  ['siblings', siblings],
  ['pools', pools],
  ['lora', loraMethod],
  ['forms', forms],
  ['signs', signs],
  ['reuse', gradientReuse],
];

export const planSides = (
  prompts: readonly Prompt[],
  rates: Rates,
  mainTask: Context['mainTask'],
  scored: Scored,
): Planned[] => {
  const context: Context = {
    scored,
    rates,
    siftRate: full(rateOf(rates, SIFT)),
    nnRate: full(rateOf(rates, 'nn')),
    mainTask,
    of: (prompt, selection, tuning, more = {}) => ({
      prompt,
      selection,
      tuning,
      steps: STEPS,
      scoredAt: upTo(COUNTS, STEPS),
      scored,
      ...more,
    }),
  };
  return QUESTIONS.flatMap(([question, armsOf]) =>
    prompts.flatMap((prompt) => armsOf(prompt, context).map((arm) => ({ question, ...arm }))),
  );
};
