// Tables about what predicts the gain: σ², plain similarity, and a step's relevance and redundancy.
import type { Prediction } from '../figures/predict.ts';
import type { Predictor } from '../figures/predictors.ts';
import type { Why } from '../figures/why.ts';
import { STEPS } from '../run/grid.ts';
import { digits, interval, type Table } from './format.ts';

export const predictionTable = (prediction: Prediction): Table => ({
  id: 'prediction',
  title: 'Spearman’s correlation of the drop of σ² and the realised gain',
  columns: ['over', 'prompts', 'gain in bits per byte', 'gain relative to base'],
  rows: [
    ...prediction.overPrompts.map(({ n, prompts, absolute, relative }) => [
      `prompts, after ${n} steps`,
      String(prompts),
      digits(absolute, 2),
      digits(relative, 2),
    ]),
    ['steps of a run, cumulative (mean over runs)', String(prediction.prompts), digits(prediction.alongRuns, 2), ''],
    ['single steps of a run (mean over runs)', String(prediction.prompts), digits(prediction.bySteps, 2), ''],
    ['all prompts and steps together', String(prediction.prompts), digits(prediction.pooled, 2), ''],
  ],
});

export const predictorTable = (found: readonly Predictor[]): Table => ({
  id: 'predictors',
  title: `What else predicts the gain after ${STEPS} steps: Spearman over prompts`,
  columns: ['predictor', 'gain in bits per byte', 'gain relative to base'],
  rows: found.map(({ name, absolute, relative }) => [name, digits(absolute, 2), digits(relative, 2)]),
});

export const whyTable = (found: Why): Table => ({
  id: 'why',
  title: `What makes a step help: additional gain of a step, bits per byte, for one standard deviation more (${found.steps} steps, ${found.prompts} prompts)`,
  columns: [
    'similarity with the prompt [95 %]',
    'similarity with the most similar example already picked [95 %]',
    'correlation of the two',
  ],
  rows: [[interval(found.relevance, 5), interval(found.redundancy, 5), digits(found.correlation, 2)]],
});
