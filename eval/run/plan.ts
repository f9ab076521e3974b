// What is run, in which order. First the learning rates, on prompts of their own; then the main table, the most telling
// arms first, for all prompts in turns over the domains, so that a run that ends early has balanced tables; then the
// side questions, on the first prompts of every domain. A task that two questions share is run once.
import { DEFAULT_DEGREE, DEFAULT_LAMBDA, DEFAULT_LEARNING_RATE } from '../../wire/limits.ts';
import { PAPER, type PoolSpec, ROUNDS, type SelectionSpec, spec, WHOLE } from '../choose/strategies.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Scored, Setting } from '../material/setting.ts';
import type { Planned, Task } from './tasks.ts';
import type { Tuning } from './trajectory.ts';

/** Steps at which every arm is scored. */
export const COUNTS = [1, 2, 5, 10, 20, 50] as const;
/** SIFT is scored more often, for stopping rules and for gain by step. */
const DENSE = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100];
/** Steps of the runs that go on well past what is usual, to see where gains end. */
export const FAR = 100;

/** Of the arm called `sift`: the product's defaults, and N at which single figures are given. */
export const LAMBDA = DEFAULT_LAMBDA;
export const DEGREE = DEFAULT_DEGREE;
export const REPEAT = false;
export const STEPS = 10;
/** Kernels that SIFT is tried with: degree of the kernel, λ, and whether repeats are allowed. */
export const KERNELS: readonly { readonly degree: number; readonly lambda: number; readonly repeat: boolean }[] = [
  { degree: 1, lambda: 0.01, repeat: true },
  ...[0.1, 1, 10, 100].map((lambda) => ({ degree: 1, lambda, repeat: false })),
  { degree: 3, lambda: 1, repeat: false },
  ...[0.1, 0.3, 1, 10].map((lambda) => ({ degree: 6, lambda, repeat: false })),
  { degree: 6, lambda: 0.3, repeat: true },
  { degree: 12, lambda: 0.3, repeat: false },
];
export const kernelName = ({ degree, lambda, repeat }: (typeof KERNELS)[number]): string =>
  `p=${degree} λ=${lambda}${repeat ? ' repeat' : ''}`;
/** Those that the default was chosen among, on the prompts that rates are chosen on. */
const KERNELS_TUNED = KERNELS.filter(
  ({ degree, lambda, repeat }) => !repeat && lambda >= 0.1 && lambda <= 10 && degree <= 6,
);
export const COPIES = [1, 2, 5, 10];
export const RATES = [2e-4, 5e-4, 1e-3];
const LORA_RATES = [5e-4, 1e-3, 2e-3, 5e-3];
export const LORA_RANK = 8;

export interface Profile {
  /** Prompts of a domain, for the study and for the rates. */
  readonly study: number;
  readonly tuning: number;
  /** Fewest prompts that make a domain. */
  readonly least: number;
  /** The first prompts of a domain that are tuned far, and on which side questions are asked. */
  readonly far: number;
  readonly side: number;
  /** Steps of the main arms. */
  readonly steps: number;
  readonly arms: readonly string[];
  readonly sides: boolean;
  /** What the main table and the side questions score. */
  readonly scored: Scored;
}

const SIFT = 'sift';
const PAPER_SIFT = 'sift, the paper’s λ';

/** Arms of the main table by name. HullFT's picks for N are no beginning of those for more, so it has an arm for each N. */
export const ARMS: Readonly<Record<string, SelectionSpec>> = {
  nn: spec('nn'),
  [SIFT]: spec('sift'),
  [PAPER_SIFT]: spec('sift', { degree: 1, lambda: 0.01, repeat: true }),
  'sift, inner product': spec('sift', { degree: 1, lambda: 10 }),
  mmr: spec('mmr'),
  'nn distinct': spec('nn-distinct'),
  'hullft N=10': spec('hullft', { n: 10 }),
  'hullft N=20': spec('hullft', { n: 20 }),
  'hullft N=50': spec('hullft', { n: 50 }),
  'nn-f': spec('nn-f'),
  random: spec('random', { pool: WHOLE }),
  uncertainty: spec('uncertainty'),
  'random of 200': spec('random-pool'),
};

export const QUICK: Profile = {
  study: 8,
  tuning: 0,
  least: 6,
  far: 0,
  side: 0,
  steps: 10,
  arms: ['nn', SIFT],
  sides: false,
  scored: 'prompt',
};

export const FULL: Profile = {
  study: 30,
  tuning: 4,
  least: 20,
  far: 3,
  side: 5,
  steps: 50,
  arms: Object.keys(ARMS),
  sides: true,
  scored: 'prompt',
};

const full = (learningRate: number): Tuning => ({ method: 'full', rank: 0, learningRate, reuse: false });
const lora = (learningRate: number): Tuning => ({ method: 'lora', rank: LORA_RANK, learningRate, reuse: false });

/** Arms that share a learning rate: HullFT's for each N, and NN with and without copies. */
export const familyOf = (arm: string): string => arm.replace(/ N=\S+/, '').replace('nn distinct', 'nn');

export type Rates = Readonly<Record<string, number>>;
export const FALLBACK_RATE = DEFAULT_LEARNING_RATE;
export const rateOf = (rates: Rates, arm: string): number => rates[familyOf(arm)] ?? FALLBACK_RATE;

const base = (prompt: Prompt, scored: Scored): Task => ({
  prompt,
  tuning: full(0),
  steps: 0,
  scoredAt: [0],
  scored,
});

const upTo = (counts: readonly number[], steps: number): number[] => counts.filter((n) => n <= steps);

/** The first `count` prompts of every domain. */
export const first = (prompts: readonly Prompt[], count: number): Prompt[] => {
  const seen = new Map<string, number>();
  return prompts.filter(({ domain }) => {
    const number = (seen.get(domain) ?? 0) + 1;
    seen.set(domain, number);
    return number <= count;
  });
};

/** Rates and kernel are chosen by what the product is used for, whatever is scored later. */
const RATED: Scored = 'continuation';

export const planRates = (setting: Setting, profile: Profile): Planned[] => {
  // the first arm of a family stands for it
  const families = [...new Map(profile.arms.toReversed().map((arm) => [familyOf(arm), arm])).values()].reverse();
  return setting.tuning.flatMap((prompt) => [
    { question: 'rates', arm: 'base', task: base(prompt, RATED) },
    ...families.flatMap((arm) => {
      const selection = ARMS[arm];
      if (selection === undefined) throw new Error(`no arm '${arm}'`);
      return RATES.map((rate) => ({
        question: 'rates',
        arm: `${familyOf(arm)} ${rate}`,
        task: {
          prompt,
          selection,
          tuning: full(rate),
          steps: STEPS,
          scoredAt: [1, 5, STEPS],
          scored: RATED,
        },
      }));
    }),
    ...(profile.sides
      ? KERNELS_TUNED.map((kernel) => ({
          question: 'rates',
          arm: `sift ${kernelName(kernel)} ${FALLBACK_RATE}`,
          task: {
            prompt,
            selection: spec('sift', kernel),
            tuning: full(FALLBACK_RATE),
            steps: STEPS,
            scoredAt: [1, 5, STEPS],
            scored: RATED,
          },
        }))
      : []),
    ...(profile.sides
      ? LORA_RATES.map((rate) => ({
          question: 'rates',
          arm: `lora ${rate}`,
          task: {
            prompt,
            selection: ARMS[SIFT] as SelectionSpec,
            tuning: lora(rate),
            steps: STEPS,
            scoredAt: [1, 5, STEPS],
            scored: RATED,
          },
        }))
      : []),
  ]);
};

/** Pools that are both tuned on and looked at; `tuned` false: selection only. */
export const POOLS: readonly { name: string; pool: PoolSpec; stripes: number; tuned: boolean }[] = [
  { name: '1 × 50', pool: { rounds: 1, topK: 50, sign: 'plus' }, stripes: 1, tuned: true },
  { name: '1 × 100', pool: { rounds: 1, topK: 100, sign: 'plus' }, stripes: 1, tuned: false },
  { name: '1 × 200 (paper)', pool: PAPER, stripes: 1, tuned: true },
  { name: '1 × 1,000', pool: { rounds: 1, topK: 1_000, sign: 'plus' }, stripes: 1, tuned: false },
  { name: '1 × 50 × 4 stripes', pool: { rounds: 1, topK: 50, sign: 'plus' }, stripes: 4, tuned: false },
  { name: '2 × 50, +r of all picks', pool: { rounds: 2, topK: 50, sign: 'plus' }, stripes: 1, tuned: false },
  { name: '3 × 50, +r of all picks', pool: { rounds: 3, topK: 50, sign: 'plus' }, stripes: 1, tuned: true },
  { name: '5 × 50, +r of all picks', pool: { rounds: 5, topK: 50, sign: 'plus' }, stripes: 1, tuned: false },
  { name: '3 × 50, +r of 4, 8 (default)', pool: ROUNDS, stripes: 1, tuned: true },
  { name: '5 × 50, +r of 4, 8, 12, 16', pool: { ...ROUNDS, rounds: 5 }, stripes: 1, tuned: false },
  { name: '3 × 50, ±r of 4, 8', pool: { ...ROUNDS, sign: 'both' }, stripes: 1, tuned: true },
  { name: '5 × 50, ±r of all picks', pool: { rounds: 5, topK: 50, sign: 'both' }, stripes: 1, tuned: false },
  { name: '3 × 50, +r of 4, 8, 4 stripes', pool: ROUNDS, stripes: 4, tuned: false },
  { name: 'whole corpus', pool: WHOLE, stripes: 1, tuned: true },
];

const scoresOf = (arm: string, steps: number): number[] => upTo(arm === SIFT ? DENSE : COUNTS, steps);

export const planStudy = (setting: Setting, profile: Profile, rates: Rates): Planned[] => {
  const { scored } = profile;
  const other: Scored = scored === 'prompt' ? 'continuation' : 'prompt';
  const tuned = (prompt: Prompt, arm: string, text: Scored = scored): Task => {
    const selection = ARMS[arm];
    if (selection === undefined) throw new Error(`no arm '${arm}'`);
    const isHull = selection.strategy === 'hullft';
    const steps = isHull ? selection.n : profile.steps;
    const scoredAt = isHull ? [steps] : scoresOf(arm, steps);
    return { prompt, selection, tuning: full(rateOf(rates, arm)), steps, scoredAt, scored: text };
  };
  const arms = (prompts: readonly Prompt[], question: string, names: readonly string[], text: Scored): Planned[] =>
    prompts.flatMap((prompt) => [
      { question, arm: 'base', task: base(prompt, text) },
      ...names.flatMap((arm) =>
        (ARMS[arm]?.n ?? 0) > profile.steps && ARMS[arm]?.strategy === 'hullft'
          ? []
          : [{ question, arm, task: tuned(prompt, arm, text) }],
      ),
    ]);
  const core = profile.arms.slice(0, 2);
  const side = first(setting.study, profile.side);
  const few = first(setting.study, profile.far);
  // what was asked first comes first, and prompts in turns over the domains, so that an interrupted run has whole tables
  return [
    ...arms(side, 'main', core, scored),
    ...arms(side, 'other score', core, other),
    ...arms(setting.study, 'main', core, scored),
    ...(profile.sides ? planSides(side, rates, tuned, scored) : []),
    ...arms(setting.study, 'other score', core, other),
    ...arms(few, 'main', profile.arms, scored),
    ...(profile.sides ? planFar(few, rates) : []),
    ...arms(setting.study, 'main', profile.arms, scored),
  ];
};

/** Least similarities that are tried as a rule to stop by. */
export const FLOORS = [0.28, 0.33, 0.38];

/** Twice the usual steps, to see where gains end; and with a least similarity, which ends a run by itself. */
const planFar = (prompts: readonly Prompt[], rates: Rates): Planned[] =>
  TEXTS.flatMap((text) =>
    prompts.flatMap((prompt) => {
      const far = { steps: FAR, scoredAt: scoresOf(SIFT, FAR), scored: text };
      const tuning = full(rateOf(rates, SIFT));
      const question = `far, ${text}`;
      return [
        { question, arm: 'base', task: base(prompt, text) },
        { question, arm: SIFT, task: { prompt, selection: spec('sift', { n: FAR }), tuning, ...far } },
        ...FLOORS.map((minSimilarity) => ({
          question,
          arm: `similarity ≥ ${minSimilarity}`,
          task: { prompt, selection: spec('sift', { n: FAR, minSimilarity }), tuning, ...far, scoredAt: [FAR] },
        })),
      ];
    }),
  );

const TEXTS: readonly Scored[] = ['prompt', 'continuation'];

const planSides = (
  side: readonly Prompt[],
  rates: Rates,
  tuned: (prompt: Prompt, arm: string) => Task,
  scored: Scored,
): Planned[] => {
  const sift = spec('sift');
  const of = (prompt: Prompt, selection: SelectionSpec, tuning: Tuning, more: Partial<Task> = {}): Task => ({
    prompt,
    selection,
    tuning,
    steps: STEPS,
    scoredAt: upTo(COUNTS, STEPS),
    scored,
    ...more,
  });
  const [siftRate, nnRate] = ([SIFT, 'nn'] as const).map((arm) => full(rateOf(rates, arm))) as [Tuning, Tuning];
  const each = (plan: (prompt: Prompt) => Omit<Planned, 'question'>[], question: string): Planned[] =>
    side.flatMap((prompt) => plan(prompt).map((one) => ({ question, ...one })));
  const twenty = { steps: 20, scoredAt: upTo(COUNTS, 20) };
  return [
    ...TEXTS.flatMap((text) =>
      each(
        (prompt) => [
          { arm: 'base', task: base(prompt, text) },
          ...(['disjoint', 'overlapping'] as const).map((cut) => ({
            arm: `nn, ${cut}`,
            task: of(prompt, spec('nn', { cut }), nnRate, { ...twenty, scored: text }),
          })),
          ...(['disjoint', 'half', 'overlapping'] as const).map((cut) => ({
            arm: `sift, ${cut}`,
            task: of(prompt, { ...sift, cut }, siftRate, { ...twenty, scored: text }),
          })),
        ],
        `cuts, ${text}`,
      ),
    ),
    ...each(
      (prompt) =>
        COPIES.flatMap((copies) => [
          {
            arm: `sift ×${copies}`,
            task: copies === 1 ? tuned(prompt, SIFT) : of(prompt, { ...sift, copies, n: STEPS }, siftRate),
          },
          {
            arm: `nn ×${copies}`,
            task: copies === 1 ? tuned(prompt, 'nn') : of(prompt, spec('nn', { copies }), nnRate),
          },
        ]),
      'copies',
    ),
    ...each(
      (prompt) =>
        KERNELS.map((kernel) => ({ arm: kernelName(kernel), task: of(prompt, spec('sift', kernel), siftRate) })),
      'kernel',
    ),
    ...each(
      (prompt) => [
        { arm: 'base', task: base(prompt, scored) },
        { arm: 'nn', task: of(prompt, spec('nn', { siblings: false }), nnRate) },
        { arm: 'sift', task: of(prompt, { ...sift, siblings: false }, siftRate) },
      ],
      'siblings',
    ),
    ...each(
      (prompt) =>
        POOLS.filter((one) => one.tuned).map(({ name, pool }) => ({
          arm: name,
          task: of(prompt, { ...sift, pool }, siftRate),
        })),
      'pools',
    ),
    ...each(
      (prompt) => [
        { arm: 'nn', task: of(prompt, spec('nn'), lora(rates.lora ?? 1e-3)) },
        { arm: 'sift', task: of(prompt, sift, lora(rates.lora ?? 1e-3)) },
      ],
      'lora',
    ),
    ...each(
      (prompt) => [
        { arm: 'nn', task: of(prompt, spec('nn', { forms: true }), nnRate) },
        { arm: 'nn distinct', task: of(prompt, spec('nn-distinct', { forms: true }), nnRate) },
        { arm: 'sift', task: of(prompt, { ...sift, forms: true }, siftRate) },
      ],
      'forms',
    ),
    // at a λ that goes far for the last of σ², as negative covariances are picked then
    ...each(
      (prompt) =>
        (['plus', 'both'] as const).map((sign) => ({
          arm: sign,
          task: of(prompt, spec('sift', { degree: 1, lambda: 0.1, pool: { rounds: 3, topK: 50, sign } }), siftRate, {
            scoredAt: upTo(DENSE, STEPS),
          }),
        })),
      'signs',
    ),
    ...each(
      (prompt) => [
        { arm: 'sift, repeats', task: of(prompt, { ...sift, repeat: true }, siftRate) },
        {
          arm: 'sift, repeats, gradients reused',
          task: of(prompt, { ...sift, repeat: true }, { ...siftRate, reuse: true }),
        },
        { arm: 'hullft', task: tuned(prompt, 'hullft N=10') },
        {
          arm: 'hullft, gradients reused',
          task: of(prompt, spec('hullft', { n: STEPS }), { ...full(rateOf(rates, 'hullft')), reuse: true }),
        },
      ],
      'reuse',
    ),
  ];
};
