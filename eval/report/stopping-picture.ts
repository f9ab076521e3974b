// The picture of docs/stopping.md: the gain that each rule reaches at each mean number of steps. Up and to the left is better.
import type { Judgement } from '../figures/judge-stopping.ts';
import { base, type Picture } from './style.ts';

const HINDSIGHT = 'hindsight';
/** From Okabe and Ito's palette. */
const COLOURS = [
  '#111827',
  '#0072B2',
  '#56B4E9',
  '#CC79A7',
  '#E69F00',
  '#009E73',
  '#999933',
  '#D55E00',
  '#F0A890',
  '#C7B000',
];

export const stopRulesPicture = ({ most, rules, bound, prompts }: Judgement): Picture => {
  const title = `Stopping rules on ${prompts} runs of ${most} steps, every parameter: gain by mean number of steps`;
  const values = [
    ...rules.flatMap(({ rule, curve }) => curve.map(({ steps, gain }) => ({ rule, steps, gain }))),
    ...bound.map(({ steps, gain }) => ({ rule: HINDSIGHT, steps, gain })),
  ];
  const names = [...rules.map(({ rule }) => rule), HINDSIGHT];
  const range = names.map((name, i) => (name === HINDSIGHT ? '#999999' : (COLOURS[i] ?? '#333333')));
  const legend = { title: null, labelLimit: 300 };
  return {
    id: `stop-rules-${most}`,
    title,
    spec: {
      ...base(title, values, 620, 360),
      mark: { type: 'line', point: { filled: true, size: 22 }, strokeWidth: 1.8 },
      encoding: {
        x: { field: 'steps', type: 'quantitative', title: 'steps, mean over prompts' },
        y: { field: 'gain', type: 'quantitative', title: 'base − tuned, bits per byte', scale: { zero: false } },
        color: { field: 'rule', type: 'nominal', scale: { domain: names, range }, legend },
        strokeDash: {
          condition: { test: `datum.rule === '${HINDSIGHT}'`, value: [4, 3] },
          value: [1, 0],
        },
        order: { field: 'steps' },
      },
    },
  };
};
