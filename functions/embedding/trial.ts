// A trial of an embedder before anything starts: what would give vectors that look right and are not, or fail at the first
// long text, becomes one sentence with the figure. An 8-bit model whose vectors depend on the other texts of a run is not
// refused but run with one text at a time.
import type { Encoder } from '../../tokenizer/encoder.ts';
import { EMBED_ALONE_TOLERANCE, TRIAL_TOKENS } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { messageOf } from '../../wire/message.ts';
import { dot } from '../vectors/algebra.ts';
import { runBatch } from './batch.ts';
import type { EmbedderConfig } from './config.ts';
import type { Session } from './session.ts';
import { windowOf } from './window.ts';

const TEXTS = [
  'The router matches the path of a request.',
  'const answer = await fetch(url); // 404 when there is no such page, and 503 while it is busy',
  'a',
  'Ein Satz in einer anderen Sprache, mit Umlauten: größer, schöner, früher.',
];
const SENTENCE = `${TEXTS.slice(0, 2).join(' ')} `;

export interface Trial {
  /** With one_at_a_time where the trial found that it is needed. */
  readonly config: EmbedderConfig;
  /** What the user should know, a sentence each. */
  readonly notes: readonly string[];
}

/** A window of exactly `tokens` tokens, or as many as text gives. */
const filled = (encoder: Encoder, tokens: number): number[] =>
  windowOf(encoder, tokens)(SENTENCE.repeat(Math.ceil(tokens / 8)), 'head');

/** The largest window that the model runs, below one that failed. */
const largest = async (runs: (tokens: number) => Promise<boolean>, failing: number): Promise<number> => {
  let [good, bad] = [0, failing];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (await runs(middle)) good = middle;
    else bad = middle;
  }
  return good;
};

const checkWindow = async (config: EmbedderConfig, encoder: Encoder, session: Session): Promise<void> => {
  const tokens = Math.min(config.max_tokens, TRIAL_TOKENS);
  const least = encoder.before.length + encoder.after.length + 1;
  try {
    await runBatch(config, session, [filled(encoder, tokens)]);
  } catch (error) {
    const runs = (some: number): Promise<boolean> =>
      some < least
        ? Promise.resolve(true)
        : runBatch(config, session, [filled(encoder, some)]).then(
            () => true,
            () => false,
          );
    const most = await largest(runs, tokens);
    throw new Error(
      `a text of ${tokens} tokens fails, one of ${most} does not: its window is ${config.max_tokens} (max_tokens), the model's ` +
        `is shorter (${messageOf(error).slice(0, 200)})`,
      { cause: error },
    );
  }
};

/** Rejects with one sentence on what is wrong. */
export const tryEmbedder = async (config: EmbedderConfig, encoder: Encoder, session: Session): Promise<Trial> => {
  const cut = windowOf(encoder, config.max_tokens, config.prompts);
  await runBatch(config, session, [cut('a', 'head')]); // what fails here is no matter of length
  await checkWindow(config, encoder, session);
  const windows = TEXTS.map((text) => cut(text, 'head'));
  const together = await runBatch(config, session, windows);
  const alone: Float32Array[] = [];
  for (const window of windows) alone.push(at(await runBatch(config, session, [window]), 0));
  for (const [i, vector] of alone.entries()) {
    if (vector.every((value) => value === 0)) {
      throw new Error(`it gives a vector of zeros for '${at(TEXTS, i)}' (${at(windows, i).length} tokens)`);
    }
  }
  const [first, ...others] = alone;
  if (first !== undefined && others.every((other) => 1 - dot(first, other) < Number.EPSILON)) {
    throw new Error(`it gives the same vector for ${TEXTS.length} different texts`);
  }
  const worst = Math.max(...alone.map((vector, i) => 1 - dot(vector, at(together, i))));
  if (worst <= EMBED_ALONE_TOLERANCE || config.one_at_a_time === true) return { config, notes: [] };
  return {
    config: { ...config, one_at_a_time: true },
    notes: [
      `its vectors depend on the other texts of a run (a cosine of ${(1 - worst).toFixed(4)} to the text alone, as 8-bit ` +
        'activations do): texts are embedded one at a time',
    ],
  };
};
