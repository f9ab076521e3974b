// A selection in the shapes of the API: whole, and as the short account beside an answer.
import type { ChosenOnWire, ChosenShort } from '../../wire/api/generation.ts';
import type { SelectionOnWire } from '../../wire/api/select.ts';
import type { AskedUse, ContextReport, Use } from '../../wire/context.ts';
import type { Tuned } from '../../wire/tune/steps.ts';
import type { Pick, Selection } from './selection.ts';

const pickOnWire = ({
  id,
  text,
  gain,
  similarity,
  centredSimilarity,
  covariance,
  variance,
  explained,
  copies,
  source,
  metadata,
  index,
  corpus,
}: Pick) => ({
  id,
  text: text ?? null,
  score: gain,
  similarity,
  ...(centredSimilarity === undefined ? {} : { centred_similarity: centredSimilarity }),
  covariance,
  sigma2: variance,
  explained,
  copies,
  source: source ?? null,
  metadata: { ...metadata } as SelectionOnWire['picks'][number]['metadata'],
  ...(index === undefined ? {} : { index }),
  ...(corpus === undefined ? {} : { corpus }),
});

export const selectionOnWire = (selection: Selection): SelectionOnWire => {
  const { corpus, corpora, strategy, n, lambda, degree, centred, picks, pool, stop, explained, warnings } = selection;
  const { minSimilarity, initialVariance, finalVariance } = selection;
  return {
    object: 'selection',
    corpus: corpus ?? null,
    ...(corpora.length > 1 ? { corpora: [...corpora] } : {}),
    strategy,
    n,
    lambda,
    degree,
    centred,
    min_similarity: minSimilarity ?? null,
    picks: picks.map(pickOnWire),
    pool: { ...pool },
    sigma2: { initial: initialVariance, final: finalVariance },
    explained,
    stop,
    warnings: [...warnings],
  };
};

/** What picks were for, once that is settled: of `auto`, what the gateway made of it shows in its report. */
export const settledUse = (asked: AskedUse, context: ContextReport | undefined): Use => {
  if (asked !== 'auto') return asked;
  return context === undefined ? 'tune' : 'both';
};

/** What was selected, in short. */
export const chosenShort = (selection: Selection): ChosenShort => {
  const { corpus, picks, sigma2, explained, pool, stop, warnings } = selectionOnWire(selection);
  return {
    corpus,
    picks: picks.map(({ id, score, similarity, sigma2: after }) => ({ id, score, similarity, sigma2: after })),
    sigma2,
    explained,
    pool,
    stop,
    warnings,
  };
};

/** What was learnt from and how, beside OpenAI's fields: SDKs pass over what they do not know. */
export const chosenOnWire = (
  selection: Selection,
  use: AskedUse,
  context: ContextReport | undefined,
  tuning: Tuned | null,
): ChosenOnWire => ({
  ...chosenShort(selection),
  use: settledUse(use, context),
  ...(context === undefined ? {} : { context }),
  adapter: tuning?.adapter ?? null,
  tuning,
});
