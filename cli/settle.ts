// How a model is tuned, settled when it is served: what the command line says; else its own sift.json; else what an earlier
// start measured and kept; else a probe now, which is kept whole or not at all; else the rule by size.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SiftError } from '../client/index.ts';
import type { TuningDefaults } from '../gateway/backends/contract.ts';
import { SIFT_FILE } from '../gateway/backends/defaults.ts';
import { fingerprintOf } from '../gateway/backends/embedded/fingerprint.ts';
import { type GivenDefaults, withGiven } from '../gateway/given.ts';
import { loadProbe, type Probe, saveProbe } from '../local/state.ts';

export interface Question {
  /** The model's. */
  readonly directory: string;
  readonly given: GivenDefaults;
  /** False: nothing is measured. */
  readonly probe: boolean;
  /** Where probes are kept. */
  readonly state: string;
}

const inDigits = (value: number): string => Number(value.toPrecision(3)).toString();

const inWords = (defaults: TuningDefaults, from: string): string => {
  const { method, rank, learningRate } = defaults;
  return `tuning ${method === 'lora' ? `LoRA of rank ${rank}` : 'all weights'} at a rate of ${inDigits(learningRate[method])} (${from})`;
};

const measuredDefaults = (defaults: TuningDefaults, { chosen }: Probe): TuningDefaults =>
  chosen === undefined
    ? defaults
    : withGiven(defaults, { method: chosen.method, learningRate: chosen.learning_rate }, 'measured');

/** Settles how the model is tuned, and says it. `start` measures, where that is needed. */
export const settleTuning = async (
  question: Question,
  now: TuningDefaults,
  start: (defaults: TuningDefaults) => Promise<Probe | undefined>,
  say: (...lines: string[]) => void,
): Promise<TuningDefaults> => {
  const { directory, given, state } = question;
  const isGiven = Object.keys(given).length > 0;
  const defaults = isGiven ? withGiven(now, given, 'given') : now;
  const settled = (found: TuningDefaults, from: string): TuningDefaults => {
    say(inWords(found, from));
    return found;
  };
  if (given.learningRate !== undefined) return settled(defaults, 'as given');
  if (existsSync(join(directory, SIFT_FILE)))
    return settled(defaults, isGiven ? `as given, and ${SIFT_FILE}` : SIFT_FILE);
  const key = { fingerprint: await fingerprintOf(directory), method: defaults.method, rank: defaults.rank };
  const kept = await loadProbe(state, key);
  if (kept !== undefined) {
    const found = measuredDefaults(defaults, kept);
    if (kept.chosen !== undefined) return settled(found, `measured on ${kept.documents} documents, ${kept.date}`);
    const outcome =
      kept.documents === 0 ? 'did not end in time; npm run calibrate measures again' : 'found nothing better';
    return settled(found, `the rule by size; a probe on ${kept.date} ${outcome}`);
  }
  if (!question.probe) return settled(defaults, isGiven ? 'as given, and the rule by size' : 'the rule by size');
  say('Which learning rate suits this model? Measured once, then kept; --no-probe skips it.');
  try {
    const made = await start(defaults);
    if (made === undefined) return settled(defaults, 'the rule by size; the corpus is too small to measure on');
    await saveProbe(state, key, made);
    return settled(measuredDefaults(defaults, made), made.chosen === undefined ? 'the rule by size' : 'measured');
  } catch (error) {
    // a server whose model cannot be measured still serves; the next start tries again
    if (!(error instanceof SiftError)) throw error;
    say(`  the probe failed: ${error.message}`);
    return settled(defaults, 'the rule by size');
  }
};
