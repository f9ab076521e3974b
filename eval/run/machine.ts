// The machine that the figures were measured on, and how long each part of one prompt takes there.
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import { createEmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import { at } from '../../wire/list.ts';
import { select } from '../choose/select.ts';
import { spec } from '../choose/spec.ts';
import type { Setting } from '../material/setting.ts';
import { quantile } from '../statistics.ts';
import { full } from './arms.ts';
import { STEPS } from './grid.ts';
import { openOptions } from './trajectory.ts';

export const machine = (): string =>
  `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'CPU'} (${platform()} ${arch()}), ` +
  `${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;

export interface Split {
  readonly prompts: number;
  /** Medians in milliseconds. */
  readonly embed: number;
  readonly pool: number;
  readonly select: number;
  readonly open: number;
  readonly tune: number;
  readonly generate: number;
}

/** Tokens that are generated for each prompt. */
export const GENERATED = 64;

/** One prompt after another, one worker, nothing else running in this process. */
export const timeSplit = async (setting: Setting, learningRate: number, count: number): Promise<Split> => {
  const alive = setInterval(() => {}, 60_000);
  const backend = await createEmbeddedBackend({ models: { base: setting.modelDirectory } });
  const { signal } = new AbortController();
  const parts: Record<'pool' | 'select' | 'open' | 'tune' | 'generate', number[]> = {
    pool: [],
    select: [],
    open: [],
    tune: [],
    generate: [],
  };
  try {
    const wanted = spec('sift', { n: STEPS });
    for (const [i, prompt] of [...setting.study.slice(0, 1), ...setting.study.slice(0, count)].entries()) {
      const chosen = await select(setting.kernel, setting.viewOf(prompt, wanted, 'continuation'), wanted);
      const started = performance.now();
      const session = await backend.open(openOptions('base', full(learningRate)), signal);
      const opened = performance.now();
      const texts = chosen.picks.map((pick) => at(setting.corpus.examples, pick).text);
      for await (const _ of session.train(texts, signal));
      const tuned = performance.now();
      const sampling = { maxTokens: GENERATED, temperature: 0, topP: 1, topK: 0, stop: [], seed: 1 };
      for await (const _ of session.generate(prompt.prompt, sampling, signal));
      const generated = performance.now();
      await session.close();
      if (i === 0) continue; // the first prompt compiles the graphs, and comes again
      parts.pool.push(chosen.ms.pool);
      parts.select.push(chosen.ms.select);
      parts.open.push(opened - started);
      parts.tune.push(tuned - opened);
      parts.generate.push(generated - tuned);
    }
  } finally {
    clearInterval(alive);
    await backend.close();
  }
  const median = (values: readonly number[]): number => quantile(values, 0.5);
  return {
    prompts: parts.tune.length,
    embed: setting.embedMs,
    pool: median(parts.pool),
    select: median(parts.select),
    open: median(parts.open),
    tune: median(parts.tune),
    generate: median(parts.generate),
  };
};
