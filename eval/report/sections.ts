// The sections of docs/study/results.md: title, explanation, and which tables and pictures belong to it.

export interface Section {
  readonly title: string;
  readonly text: string;
  /** Ids of tables and pictures, in order. A section without a table is left out. */
  readonly tables: readonly string[];
  readonly pictures: readonly string[];
}

export const SECTIONS: readonly Section[] = [
  {
    title: 'Does tuning pay, and does SIFT beat nearest neighbours',
    text: 'Differences are paired by prompt; below zero, the first is better. Intervals are 95 %, by bootstrap over prompts within their domains.',
    tables: ['main-10', 'main-20', 'main-50', 'curve', 'domains-10', 'domains-50'],
    pictures: ['curve', 'domains'],
  },
  {
    title: 'The other text scored',
    text: 'The same runs, scored on the other text. The examples that are hidden because they hold a part of the scored text differ.',
    tables: ['other-10', 'other-20', 'other-50', 'other-domains', 'other-prediction'],
    pictures: ['other-curve'],
  },
  {
    title: 'How the corpus is cut',
    text: 'Documents are cut end to end (`disjoint`), or each example repeats half of the one before (`half`), or three quarters of it (`overlapping`, as the product does). Examples have the same length in all three.',
    tables: ['cuts-prompt', 'cuts-continuation'],
    pictures: [],
  },
  {
    title: 'The kernel',
    text: 'k(x,y) = (φ(x)·φ(y))^p. At degree p = 1, as in the paper, moderately similar examples count as redundant; at degree 6 only near copies do.',
    tables: ['kernel'],
    pictures: ['kernel'],
  },
  {
    title: 'Why a step helps: relevance and redundancy',
    text: 'A regression over single steps of the `sift` runs: how much more a step gains, above the mean of steps with the same number, if its example is nearer to the prompt, or nearer to the most similar example already picked.',
    tables: ['why'],
    pictures: [],
  },
  {
    title: 'Duplicates',
    text: 'The index holds every example once, twice, five or ten times. The last table is of the packages as they are installed, where most files come in two or three forms.',
    tables: ['copies', 'forms'],
    pictures: ['copies'],
  },
  {
    title: 'Pools, rounds and stripes',
    text: '`a × b`: a rounds of b candidates each. `+r of 4, 8`: the second round queries with the residual of the first 4 picks, the third with that of the first 8; `±r` queries with its opposite as well.',
    tables: ['pools'],
    pictures: ['pools'],
  },
  {
    title: 'Negative covariance',
    text: 'At degree 1 and λ = 0.1, where SIFT makes such picks.',
    tables: ['signs'],
    pictures: [],
  },
  {
    title: 'Float32 against Q15',
    text: 'Q15 stores a vector as 16-bit integers, half the bytes of float32.',
    tables: ['q15'],
    pictures: [],
  },
  {
    title: 'Does σ² predict the gain',
    text: 'The second table shows other predictors, for comparison: plain similarity predicts the gain over prompts as well as σ² does.',
    tables: ['prediction', 'predictors'],
    pictures: ['prediction'],
  },
  {
    title: 'When to stop',
    text: 'A similarity threshold (`min_similarity`) leaves out candidates below it, and so ends a run by itself. The other rules were not run: they are evaluated on runs that went on to the end. `alpha`: before the first n with σₙ > 1/(αn). `level`: once σ² is below a share of its beginning. `share`: once a pick lowers σ² by less than a share of what the first did. `covariance`: before the first pick whose posterior covariance with the prompt is below a threshold. `similarity`: after the last pick whose similarity with the prompt reaches a threshold.',
    tables: ['far-prompt', 'far-continuation', 'stopping-20', 'stopping-50', 'stopping-100'],
    pictures: ['stopping-50', 'stopping-100'],
  },
  { title: 'Gradient reuse', text: '', tables: ['reuse'], pictures: [] },
  { title: 'Full fine-tuning and LoRA', text: '', tables: ['lora'], pictures: [] },
  { title: 'Without the prompt’s own package', text: '', tables: ['siblings'], pictures: [] },
  { title: 'Learning rates', text: '', tables: ['rates'], pictures: [] },
  { title: 'Time', text: '', tables: ['time'], pictures: [] },
];
