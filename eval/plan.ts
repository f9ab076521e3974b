// What is run, in which order. First the learning rates, on prompts of their own; then the main table, the most telling
// arms first, for all prompts in turns over the domains, so that a run that ends early has balanced tables; then the
// side questions, on the first prompts of every domain. A task that two questions share is run once.
import type { Prompt } from './prompts.ts';
import type { Scored, Setting } from './setting.ts';
import { PAPER, type PoolSpec, ROUNDS, type SelectionSpec, spec, WHOLE } from './strategies.ts';
import type { Planned, Task } from './tasks.ts';
import type { Tuning } from './trajectory.ts';

/** Steps at which every arm is scored. */
export const COUNTS = [1, 2, 5, 10, 20, 50] as const;
/** SIFT and NN are scored more often, for stopping rules and for gain by step. */
const DENSE = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20, 25, 30, 35, 40, 45, 50];

/** Of the arm called `sift`, and N at which single figures are given. */
export const LAMBDA = 10;
export const REPEAT = false;
export const STEPS = 10;
/** λ that SIFT is tried at. */
export const LAMBDAS = [0.01, 0.1, 1, 3, 10, 30, 100];
/** λ that the default was chosen among, on the prompts that rates are chosen on. */
const LAMBDAS_TUNED = [1, 3, 30];
/** And with repeats allowed. */
const LAMBDAS_REPEATED = [0.01, 0.1, 1, 10];
export const COPIES = [1, 2, 5, 10];
export const RATES = [1e-4, 2e-4, 5e-4];
const LORA_RATES = [2e-4, 5e-4, 1e-3, 2e-3];
export const LORA_RANK = 8;

export interface Profile {
  /** Prompts of a domain, for the study and for the rates. */
  readonly study: number;
  readonly tuning: number;
  /** Fewest prompts that make a domain. */
  readonly least: number;
  /** The first prompts of a domain that are tuned to 50 steps, and on which side questions are asked. */
  readonly long: number;
  readonly side: number;
  /** Steps of all other prompts. */
  readonly steps: number;
  readonly arms: readonly string[];
  readonly sides: boolean;
  /** What the main table and the side questions score. */
  readonly scored: Scored;
}

const SIFT = 'sift';
/** Its pool asked further than its own λ would: the residual of a large λ is the prompt again. */
export const SIFT_WIDE = 'sift, pool by residual at λ=1';

/** Arms of the main table by name. HullFT's picks for N are no beginning of those for more, so it has an arm for each N. */
export const ARMS: Readonly<Record<string, SelectionSpec>> = {
  nn: spec('nn'),
  [SIFT]: spec('sift', { lambda: LAMBDA, repeat: REPEAT }),
  'sift λ=0.01 repeat': spec('sift', { lambda: 0.01 }),
  'sift λ=0.1': spec('sift', { lambda: 0.1, repeat: false }),
  random: spec('random', { pool: WHOLE }),
  'nn-f': spec('nn-f'),
  mmr: spec('mmr'),
  uncertainty: spec('uncertainty'),
  'hullft N=10': spec('hullft', { n: 10 }),
  'hullft N=20': spec('hullft', { n: 20 }),
  'hullft N=50': spec('hullft', { n: 50 }),
  'sift λ=1': spec('sift', { lambda: 1, repeat: false }),
  'sift λ=1 repeat': spec('sift', { lambda: 1 }),
  'random of 200': spec('random-pool'),
  'nn distinct': spec('nn-distinct'),
};

export const QUICK: Profile = {
  study: 8,
  tuning: 0,
  least: 6,
  long: 0,
  side: 0,
  steps: 10,
  arms: ['nn', SIFT],
  sides: false,
  scored: 'continuation',
};

export const FULL: Profile = {
  study: 30,
  tuning: 3,
  least: 20,
  long: 3,
  side: 5,
  steps: 20,
  arms: Object.keys(ARMS),
  sides: true,
  scored: 'continuation',
};

const full = (learningRate: number): Tuning => ({ method: 'full', rank: 0, learningRate, reuse: false });
const lora = (learningRate: number): Tuning => ({ method: 'lora', rank: LORA_RANK, learningRate, reuse: false });

/** Arms that share a learning rate: those of one strategy, SIFT with and without repeats apart. */
export const familyOf = (arm: string): string => arm.replace(/ (N|λ)=\S+/, '').replace('nn distinct', 'nn');

export type Rates = Readonly<Record<string, number>>;
export const FALLBACK_RATE = 2e-4;
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

export const planRates = (setting: Setting, profile: Profile): Planned[] => {
  // the first arm of a family stands for it
  const families = [...new Map(profile.arms.toReversed().map((arm) => [familyOf(arm), arm])).values()].reverse();
  return setting.tuning.flatMap((prompt) => [
    { question: 'rates', arm: 'base', task: base(prompt, profile.scored) },
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
          scored: profile.scored,
        },
      }));
    }),
    ...(profile.sides
      ? LAMBDAS_TUNED.flatMap((lambda) =>
          RATES.slice(1).map((rate) => ({
            question: 'rates',
            arm: `sift λ=${lambda} ${rate}`,
            task: {
              prompt,
              selection: spec('sift', { lambda, repeat: REPEAT }),
              tuning: full(rate),
              steps: STEPS,
              scoredAt: [1, 5, STEPS],
              scored: profile.scored,
            },
          })),
        )
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
            scored: profile.scored,
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
  { name: '2 × 50, +r', pool: { rounds: 2, topK: 50, sign: 'plus' }, stripes: 1, tuned: true },
  { name: '3 × 50, +r (default)', pool: ROUNDS, stripes: 1, tuned: true },
  { name: '5 × 50, +r', pool: { rounds: 5, topK: 50, sign: 'plus' }, stripes: 1, tuned: false },
  { name: '2 × 50, ±r', pool: { rounds: 2, topK: 50, sign: 'both' }, stripes: 1, tuned: false },
  { name: '3 × 50, ±r', pool: { rounds: 3, topK: 50, sign: 'both' }, stripes: 1, tuned: true },
  { name: '5 × 50, ±r', pool: { rounds: 5, topK: 50, sign: 'both' }, stripes: 1, tuned: false },
  {
    name: '5 × 50, ±r, prefixes of 4',
    pool: { rounds: 5, topK: 50, sign: 'both', prefix: 4 },
    stripes: 1,
    tuned: false,
  },
  { name: '3 × 50, +r, 4 stripes', pool: ROUNDS, stripes: 4, tuned: false },
  { name: 'whole corpus', pool: WHOLE, stripes: 1, tuned: true },
];

export const planStudy = (setting: Setting, profile: Profile, rates: Rates): Planned[] => {
  const long = new Set(first(setting.study, profile.long).map(({ id }) => id));
  const budgetOf = (prompt: Prompt): number => (long.has(prompt.id) ? 50 : profile.steps);
  const tuned = (prompt: Prompt, arm: string): Task => {
    const selection = ARMS[arm];
    if (selection === undefined) throw new Error(`no arm '${arm}'`);
    const budget = budgetOf(prompt);
    const isHull = selection.strategy === 'hullft';
    const steps = isHull ? selection.n : budget;
    const counts = arm === SIFT || arm === 'nn' ? DENSE : COUNTS;
    return {
      prompt,
      selection,
      tuning: full(rateOf(rates, arm)),
      steps,
      scoredAt: isHull ? [steps] : upTo(counts, steps),
      scored: profile.scored,
    };
  };
  const plan: Planned[] = [];
  const main = (prompts: readonly Prompt[], arms: readonly string[]): void => {
    for (const prompt of prompts) {
      plan.push({ question: 'main', arm: 'base', task: base(prompt, profile.scored) });
      for (const arm of arms) {
        if ((ARMS[arm]?.n ?? 0) > budgetOf(prompt) && ARMS[arm]?.strategy === 'hullft') continue;
        plan.push({ question: 'main', arm, task: tuned(prompt, arm) });
      }
    }
  };
  const core = profile.arms.slice(0, 2);
  const side = first(setting.study, profile.side);
  main(side, core);
  main(setting.study, core);
  if (profile.sides) {
    plan.push(...planOther(setting.study, rates, profile.scored));
    plan.push(...planSides(side, rates, tuned, profile.scored));
  }
  main(side, profile.arms);
  main(setting.study, profile.arms);
  return plan;
};

/** The other text scored, on all prompts: it is what the paper measures, or what the product is used for. */
const planOther = (prompts: readonly Prompt[], rates: Rates, scored: Scored): Planned[] => {
  const other: Scored = scored === 'prompt' ? 'continuation' : 'prompt';
  const sift = spec('sift', { lambda: LAMBDA, repeat: REPEAT });
  const of = (prompt: Prompt, arm: string, selection: SelectionSpec): Planned => ({
    question: 'other score',
    arm,
    task: {
      prompt,
      selection,
      tuning: full(rateOf(rates, arm)),
      steps: STEPS,
      scoredAt: upTo(COUNTS, STEPS),
      scored: other,
    },
  });
  return prompts.flatMap((prompt) => [
    { question: 'other score', arm: 'base', task: base(prompt, other) },
    of(prompt, 'nn', spec('nn')),
    of(prompt, SIFT, sift),
  ]);
};

const planSides = (
  side: readonly Prompt[],
  rates: Rates,
  tuned: (prompt: Prompt, arm: string) => Task,
  scored: Scored,
): Planned[] => {
  const sift = spec('sift', { lambda: LAMBDA, repeat: REPEAT });
  const repeats = (lambda: number, more: Partial<SelectionSpec> = {}) => spec('sift', { lambda, ...more });
  const of = (prompt: Prompt, selection: SelectionSpec, tuning: Tuning, more: Partial<Task> = {}): Task => ({
    prompt,
    selection,
    tuning,
    steps: STEPS,
    scoredAt: upTo(COUNTS, STEPS),
    scored,
    ...more,
  });
  const [siftRate, nnRate, repeatRate] = ([SIFT, 'nn', `${SIFT} repeat`] as const).map((arm) =>
    full(rateOf(rates, arm)),
  ) as [Tuning, Tuning, Tuning];
  const each = (plan: (prompt: Prompt) => Omit<Planned, 'question'>[], question: string): Planned[] =>
    side.flatMap((prompt) => plan(prompt).map((one) => ({ question, ...one })));
  return [
    ...each(
      (prompt) =>
        COPIES.flatMap((copies) => [
          {
            arm: `sift ×${copies}`,
            task: copies === 1 ? tuned(prompt, SIFT) : of(prompt, { ...sift, copies }, siftRate),
          },
          {
            arm: `${SIFT_WIDE} ×${copies}`,
            task: of(prompt, { ...sift, copies, pool: { ...ROUNDS, lambda: 1 } }, siftRate),
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
        LAMBDAS.flatMap((lambda) =>
          (LAMBDAS_REPEATED.includes(lambda) ? [true, false] : [false]).map((repeat) => ({
            arm: `${lambda}${repeat ? ' repeat' : ''}`,
            task:
              lambda === LAMBDA && repeat === REPEAT
                ? tuned(prompt, SIFT)
                : of(prompt, { ...sift, lambda, repeat }, repeat ? repeatRate : siftRate),
          })),
        ),
      'lambda',
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
          task: pool === ROUNDS ? tuned(prompt, SIFT) : of(prompt, { ...sift, pool }, siftRate),
        })),
      'pools',
    ),
    ...each(
      (prompt) => [
        { arm: 'sift λ=3 repeat', task: of(prompt, repeats(3), repeatRate) },
        { arm: 'sift λ=3 repeat, gradients reused', task: of(prompt, repeats(3), { ...repeatRate, reuse: true }) },
        { arm: 'hullft', task: tuned(prompt, 'hullft N=10') },
        {
          arm: 'hullft, gradients reused',
          task: of(prompt, spec('hullft', { n: STEPS }), { ...full(rateOf(rates, 'hullft')), reuse: true }),
        },
      ],
      'reuse',
    ),
    ...each(
      (prompt) => [
        { arm: 'nn', task: of(prompt, spec('nn'), lora(rates.lora ?? 5e-4)) },
        { arm: 'sift', task: of(prompt, sift, lora(rates.lora ?? 5e-4)) },
      ],
      'lora',
    ),
    // at a λ that goes far for the last of σ², as negative covariances are picked then
    ...each(
      (prompt) =>
        (['plus', 'both'] as const).map((sign) => ({
          arm: sign,
          task: of(prompt, repeats(0.1, { pool: { ...ROUNDS, sign } }), repeatRate, { scoredAt: upTo(DENSE, STEPS) }),
        })),
      'signs',
    ),
    ...each(
      (prompt) => [
        { arm: 'nn', task: of(prompt, spec('nn', { forms: true }), nnRate) },
        { arm: 'nn distinct', task: of(prompt, spec('nn-distinct', { forms: true }), nnRate) },
        { arm: 'sift', task: of(prompt, { ...sift, forms: true }, siftRate) },
        { arm: 'sift λ=0.1 repeat', task: of(prompt, repeats(0.1, { forms: true }), repeatRate) },
      ],
      'forms',
    ),
  ];
};
