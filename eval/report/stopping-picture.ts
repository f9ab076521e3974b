// The picture of docs/study/stopping.md: the gain that each rule reaches at each mean number of steps. Up and to the left is better.
import type { Judgement } from '../figures/judge-stopping.ts';
import { base, type Picture } from './style.ts';

const HINDSIGHT = 'hindsight';
/** The rules that are drawn; variants that come near another are in the tables. Colours: Okabe and Ito's palette. */
const COLOURS: Readonly<Record<string, string>> = {
  'fixed n': '#111827',
  'prequential, a fitted line': '#0072B2',
  'prequential, capped, a fitted line': '#56B4E9',
  'windows of 10 picks': '#CC79A7',
  'discounted mean rises': '#E69F00',
  'drop of σ²': '#009E73',
  similarity: '#D55E00',
  'the prompt’s own bits': '#C7B000',
  [HINDSIGHT]: '#999999',
};

export const stopRulesPicture = ({ most, rules, bound, prompts }: Judgement): Picture => {
  const title = `Stopping rules on ${prompts} runs of ${most} steps, every parameter: gain by mean number of steps`;
  const values = [
    ...rules.flatMap(({ rule, curve }) => curve.map(({ steps, gain }) => ({ rule, steps, gain }))),
    ...bound.map(({ steps, gain }) => ({ rule: HINDSIGHT, steps, gain })),
  ].filter(({ rule }) => rule in COLOURS);
  const scale = { domain: Object.keys(COLOURS), range: Object.values(COLOURS) };
  return {
    id: `stop-rules-${most}`,
    title,
    spec: {
      ...base(title, values, 620, 360),
      mark: { type: 'line', point: { filled: true, size: 22 }, strokeWidth: 1.8 },
      encoding: {
        x: { field: 'steps', type: 'quantitative', title: 'steps, mean over prompts' },
        y: { field: 'gain', type: 'quantitative', title: 'base − tuned, bits per byte', scale: { zero: false } },
        color: { field: 'rule', type: 'nominal', scale, legend: { title: null, labelLimit: 400 } },
        strokeDash: {
          condition: { test: `datum.rule === '${HINDSIGHT}'`, value: [4, 3] },
          value: [1, 0],
        },
        order: { field: 'steps' },
      },
    },
  };
};
