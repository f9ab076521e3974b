// The sections of docs/study.md: title, explanation, and which tables and pictures belong to it.

export interface Section {
  readonly title: string;
  readonly text: string;
  /** Ids of tables and pictures, in order. A section without a table is left out. */
  readonly tables: readonly string[];
  readonly pictures: readonly string[];
}

export const SECTIONS: readonly Section[] = [
  {
    title: 'Does it pay, and does SIFT beat nearest neighbours',
    text: 'Differences are paired by prompt; below zero, the first is better. Intervals are 95 %, by bootstrap over prompts within their domains.',
    tables: ['main-10', 'main-20', 'main-50', 'curve', 'domains-10', 'domains-50'],
    pictures: ['curve', 'domains'],
  },
  {
    title: 'The other text scored',
    text: 'The same runs, but for examples that are hidden because they hold a part of the scored text.',
    tables: ['other-10', 'other-20', 'other-50', 'other-domains', 'other-prediction'],
    pictures: ['other-curve'],
  },
  {
    title: 'How the corpus is cut',
    text: 'End to end (`disjoint`); each example repeating half of the one before (`half`); three quarters of it (`overlapping`, the product’s way). Examples are of the same length.',
    tables: ['cuts-prompt', 'cuts-continuation'],
    pictures: [],
  },
  {
    title: 'The kernel',
    text: 'k(x,y) = (φ(x)·φ(y))^p. At degree p = 1, the paper’s, examples that are a little alike count as redundant; at 6 near copies alone do.',
    tables: ['kernel'],
    pictures: ['kernel'],
  },
  {
    title: 'Why: relevance and redundancy',
    text: 'Gains of single steps of the `sift` runs, less the mean at the same step: what a step is worth by how near its example is to the prompt, and to the nearest example already taken.',
    tables: ['why'],
    pictures: [],
  },
  {
    title: 'Duplicates',
    text: 'The index holds every example once, twice, five or ten times; or, below, the packages as they are installed, most files of which come in two or three forms.',
    tables: ['copies', 'forms'],
    pictures: ['copies'],
  },
  { title: 'Pools, rounds and stripes', text: '', tables: ['pools'], pictures: ['pools'] },
  {
    title: 'Negative covariance',
    text: 'At degree 1 and λ = 0.1, where such picks are made.',
    tables: ['signs'],
    pictures: [],
  },
  { title: 'Float32 against Q15', text: '', tables: ['q15'], pictures: [] },
  { title: 'Does σ² predict the gain', text: '', tables: ['prediction', 'predictors'], pictures: ['prediction'] },
  {
    title: 'When to stop',
    text: 'A least similarity (`min_similarity`) leaves out candidates that are not like the prompt, and so ends a run by itself. The other rules are read off runs that went on to the end. `alpha`: before the first n with σₙ > 1/(αn). `level`: once σ² is below a share of its beginning. `share`: once a pick lowers σ² by less than a share of what the first did. `covariance`: before the first pick whose posterior covariance with the prompt is below a threshold. `similarity`: after the last pick that is as like the prompt.',
    tables: ['far-prompt', 'far-continuation', 'stopping-20', 'stopping-50', 'stopping-100'],
    pictures: ['stopping-50', 'stopping-100'],
  },
  { title: 'Gradient reuse', text: '', tables: ['reuse'], pictures: [] },
  { title: 'Full fine-tuning and LoRA', text: '', tables: ['lora'], pictures: [] },
  { title: 'Without the prompt’s own package', text: '', tables: ['siblings'], pictures: [] },
  { title: 'Learning rates', text: '', tables: ['rates'], pictures: [] },
  { title: 'Time', text: '', tables: ['time'], pictures: [] },
];
