// `npm run fuzz -- [--requests 25000] [--seed 1]`: fuzzed requests against everything that `npm start` runs. No answer may be
// a 5xx, none may take longer than 30 s, no process may be lost, no good line of an upload may go missing. Seeded: the
// same seed sends the same requests.
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { UsageError, whole as wholeOption } from '../../cli/arguments.ts';
import { chatResponse } from '../../wire/api/chat.ts';
import { completionResponse } from '../../wire/api/completions.ts';
import { corpusOnWire } from '../../wire/api/corpora.ts';
import { embeddingsResponse } from '../../wire/api/embeddings.ts';
import { errorBody } from '../../wire/api/error.ts';
import { deleteResponse } from '../../wire/api/examples.ts';
import { scoreResponse } from '../../wire/api/score.ts';
import { selectedFields, selectList, selectResponse } from '../../wire/api/select.ts';
import { seededRandom } from '../../wire/random.ts';
import { startTestStack } from '../stack.ts';
import { goodRequest, jsonRequest, type Outcome, rawRequest, type Target, uploadRequest } from './requests.ts';

/** Requests in flight at once. */
const CONCURRENCY = 8;

const KINDS = { json: jsonRequest, upload: uploadRequest, raw: rawRequest, good: goodRequest } as const;
type Kind = keyof typeof KINDS;
const MIX: readonly Kind[] = ['json', 'json', 'json', 'json', 'raw', 'raw', 'raw', 'upload', 'good', 'good'];

/** Whether a 200 is one of the answers that the API describes; streams are looked at by goodRequest. */
const known = (body: string): boolean =>
  body.startsWith(':') ||
  body.startsWith('data:') ||
  z
    .union([
      selectResponse,
      selectedFields,
      selectList,
      scoreResponse,
      completionResponse,
      chatResponse,
      embeddingsResponse,
      corpusOnWire,
      deleteResponse,
    ])
    .safeParse(JSON.parse(body)).success;

/** Why an outcome is a failure; undefined for one that is as it should be. */
const failure = (kind: Kind, { status, body }: Outcome): string | undefined => {
  // a server may refuse a method or a version of HTTP that it does not know, in its own words
  if (kind === 'raw' && [0, 501, 505].includes(status)) return undefined;
  // the queue of one tenant is bounded: told so with 503, which says when to come back
  if (status === 503 && body.includes('"queue_full"')) return undefined;
  if (status >= 500) return `answered ${status}`;
  if (kind !== 'raw' && status >= 400 && !errorBody.safeParse(JSON.parse(body)).success)
    return 'not OpenAI’s error shape';
  if (body.includes('"code":"internal"')) return 'an internal error';
  if (kind === 'json' && status === 200 && !known(body)) return 'an answer that no schema describes';
  return undefined;
};

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '25000' }, seed: { type: 'string', default: '1' } },
});

const main = async (): Promise<number> => {
  const requests = wholeOption('requests', values.requests, 1, 10_000_000);
  const seed = wholeOption('seed', values.seed, 0, 0xffff_ffff);
  const stack = await startTestStack();
  const target: Target = { url: new URL(stack.edge), key: stack.key };
  const failures: string[] = [];
  const counts = new Map<string, number>();
  let slowest = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let number = next++; number < requests && failures.length < 20; number = next++) {
      const random = seededRandom(seed * 1_000_003 + number);
      const kind = MIX[Math.floor(random() * MIX.length)] ?? 'json';
      const started = performance.now();
      try {
        const outcome = await KINDS[kind](target, random);
        const why = failure(kind, outcome);
        if (why !== undefined)
          failures.push(`#${number} ${kind}: ${why}\n  ${outcome.sent}\n  ${outcome.body.slice(0, 500)}`);
        const name = `${kind} ${outcome.status}`;
        counts.set(name, (counts.get(name) ?? 0) + 1);
      } catch (error) {
        failures.push(
          `#${number} ${kind}: ${error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : String(error)}`,
        );
      }
      slowest = Math.max(slowest, performance.now() - started);
      if (number % 1_000 === 0) process.stderr.write(`${number} of ${requests}\n`);
    }
  };
  try {
    const first = await uploadRequest(target, seededRandom(seed));
    if (first.status !== 200) throw new Error(`the first upload answered ${first.status}: ${first.body}`);
    const started = performance.now();
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    const seconds = (performance.now() - started) / 1000;
    const alive = await Promise.all([`${stack.edge}/health`, `${stack.gateway}/health`].map((url) => fetch(url)));
    if (!alive.every(({ ok }) => ok)) failures.push('a process is not healthy any more');
    for (const [name, count] of [...counts].sort()) process.stdout.write(`${name.padEnd(12)} ${count}\n`);
    process.stdout.write(
      `${Math.min(next, requests)} requests, seed ${seed}, ${seconds.toFixed(0)} s, slowest ${(slowest / 1000).toFixed(1)} s\n`,
    );
  } finally {
    await stack.end();
  }
  for (const text of failures) process.stdout.write(`FAILED ${text}\n`);
  return failures.length === 0 ? 0 : 1;
};

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(
    `fuzz: ${error instanceof UsageError ? error.message : String(error instanceof Error ? error.stack : error)}\n`,
  );
  process.exit(2);
}
