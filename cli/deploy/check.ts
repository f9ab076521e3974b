// Whether what was deployed works: its readiness, and one selection from a throwaway corpus, which is deleted again.
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient, type Example, type SiftClient, SiftError } from '../../client/index.ts';
import { DEPLOY_ANSWER_MS, DEPLOY_LOOK_MS, DEPLOY_READY_MS, DEPLOY_SHOWN_MS } from '../../wire/limits.ts';
import { messageOf } from '../../wire/message.ts';
import { CommandError, EXIT } from '../exit.ts';
import { type Readiness, readinessOf } from '../ready.ts';
import type { Settings } from './settings.ts';

export interface CheckOptions {
  readonly url: string;
  readonly signal: AbortSignal;
  readonly lookMs?: number;
  readonly readyMs?: number;
  readonly shownMs?: number;
}

/** The last thing that was seen of it, while it was not yet as it should be. */
const until = async <T>(
  { signal, lookMs = DEPLOY_LOOK_MS }: CheckOptions,
  withinMs: number,
  look: () => Promise<T | string>,
  late: (seen: string) => string,
): Promise<Exclude<T, string>> => {
  const end = Date.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (typeof seen !== 'string') return seen as Exclude<T, string>;
    if (Date.now() >= end) throw new CommandError(late(seen), EXIT.tryAgain);
    await pause(lookMs, undefined, { signal });
  }
};

/** Waits until it is ready. The gateway may still be away: it cannot know its secret before this deployment has made it. */
export const checkReady = (options: CheckOptions): Promise<Readiness> => {
  const { url, signal, readyMs = DEPLOY_READY_MS } = options;
  const look = async (): Promise<Readiness | string> => {
    try {
      const response = await fetch(new URL('/ready', url), {
        signal: AbortSignal.any([signal, AbortSignal.timeout(DEPLOY_ANSWER_MS)]),
      });
      const text = await response.text();
      const readiness = readinessOf(JSON.parse(text));
      if (readiness === undefined) return `GET /ready answered ${response.status}`;
      const bad = Object.entries(readiness.pieces).filter(([name, state]) => name !== 'gateway' && state !== 'ok');
      return bad.length === 0 ? readiness : bad.map(([name, state]) => `${name}: ${state}`).join(', ');
    } catch (error) {
      if (signal.aborted) throw error;
      const why = error instanceof Error && error.cause instanceof Error ? error.cause.message : messageOf(error);
      return `GET /ready: ${why}`;
    }
  };
  return until(options, readyMs, look, (seen) => {
    return `step 'check that it is ready' failed. ${url} is deployed and was not ready within ${readyMs / 1000} s (${seen}). Run this again in a while, or look at \`wrangler tail\``;
  });
};

/** What there is to say of the gateways, while the edge itself is ready. */
export const gatewayNote = ({ pieces: { gateway }, gateways }: Readiness): string | undefined => {
  if (gateway === 'none') return 'without a gateway (--gateway URL): it selects, and tunes nothing';
  const away = Object.entries(gateways).filter(([, state]) => state !== 'ok');
  const start = 'start it with the same GATEWAY_SECRET';
  if (away.length > 0) {
    const list = away.map(([name, state]) => `${name} (${state})`).join(', ');
    return `gateways that do not answer yet: ${list}; ${start.replace(' it ', ' them ')}`;
  }
  return gateway === 'ok' ? undefined : `its gateway does not answer yet (${gateway}): ${start}`;
};

/** Three texts of which one answers the prompt; with vectors where the edge embeds nothing. */
const exampleOf = (text: string, i: number, { embedder, dimensions }: Settings): Example => ({
  id: `check-${i}`,
  text,
  ...(embedder === 'none' ? { vector: axis(i, dimensions) } : {}),
});
const axis = (i: number, dimensions: number): number[] =>
  Array.from({ length: dimensions }, (_, j) => (j === i % dimensions ? 1 : 0));
const TEXTS = [
  'A deployment is checked by selecting one example.',
  'Cats sleep for most of the day.',
  'Bread rises while its yeast makes gas.',
];

export interface Checked {
  /** Picks of the selection. */
  readonly picks: number;
  /** Milliseconds from the upload until the index showed it. */
  readonly shownAfterMs: number;
}

/** A version that was there before may answer for some seconds more, and does not know a key that was just made. */
const known = (options: CheckOptions, edge: SiftClient, corpus: string): Promise<true> => {
  const { signal, readyMs = DEPLOY_READY_MS } = options;
  const look = async (): Promise<true | string> => {
    try {
      await edge.corpus(corpus, { signal });
      return true;
    } catch (error) {
      if (error instanceof SiftError && error.status === 401) return error.message;
      throw error;
    }
  };
  return until(options, readyMs, look, (seen) => {
    return `step 'check of one selection' failed. ${options.url} is ready, but the key that was just made is refused ${readyMs / 1000} s later (${seen}). Run this again in a while`;
  });
};

/** Uploads, selects, deletes. The corpus is deleted whatever happens; a second run makes another. */
export const checkSelection = async (
  options: CheckOptions,
  { key, isNew }: { readonly key: string; readonly isNew: boolean },
  settings: Settings,
): Promise<Checked> => {
  const { signal, shownMs = DEPLOY_SHOWN_MS } = options;
  const edge = createClient({ baseURL: options.url, key });
  const corpus = `sift-check-${randomBytes(6).toString('hex')}`;
  try {
    if (isNew) await known(options, edge, corpus);
    const refused: string[] = [];
    const examples = TEXTS.map((text, i) => exampleOf(text, i, settings));
    await edge.ingest(corpus, examples, {
      signal,
      onResult: ({ error }) => {
        if (error) refused.push(error.message);
      },
    });
    if (refused.length > 0) throw new CommandError(`step 'check of one selection' failed. ${refused[0]}`);
    const started = Date.now();
    const subject =
      settings.embedder === 'none'
        ? { vector: axis(0, settings.dimensions) }
        : { input: 'How is a deployment checked?' };
    const look = async (): Promise<{ picks: number } | string> => {
      const { selection } = await edge.select({ corpus, n: 1, store: false, ...subject }, undefined, { signal });
      const picks = 'picks' in selection ? selection.picks.length : 0;
      return picks > 0 ? { picks } : 'a selection finds none of three examples';
    };
    const { picks } = await until(options, shownMs, look, (seen) => {
      return `step 'check of one selection' failed. It is deployed and ready, but ${seen} ${shownMs / 1000} s after their upload: Vectorize is late, run this again in a while`;
    });
    return { picks, shownAfterMs: Date.now() - started };
  } catch (error) {
    if (!(error instanceof SiftError)) throw error;
    const code =
      error.status === 401 || error.status === 403
        ? EXIT.auth
        : error.status === undefined || error.status >= 500
          ? EXIT.tryAgain
          : EXIT.failed;
    throw new CommandError(
      `step 'check of one selection' failed. ${options.url} answered: ${error.message}`,
      code,
      error,
    );
  } finally {
    if (!signal.aborted) await edge.deleteCorpus(corpus, { signal }).catch(() => {});
  }
};
