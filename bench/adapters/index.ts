// `npm run bench -- adapters [--model DIR] [--prompts N] [--requests N] [--skew S] [--mb N] [--json] [--quick]`: what it is
// worth to keep adapters. Requests come to a gateway with the embedded backend, one after another, for prompts that are drawn
// by Zipf's law: the k-th most popular with a probability that falls as k^-S. A prompt's picks are ten chunks of the
// starter corpus of its own. Compared in one run: the first token where the adapter was found, and where it was made.
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { starterCorpus } from '../../corpus/documents.ts';
import { examplesOf } from '../../corpus/examples.ts';
import { createEmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import { registryOf } from '../../gateway/backends/registry.ts';
import { serveGateway } from '../../gateway/serve.ts';
import { ADAPTER_BYTES } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { seededRandom } from '../../wire/random.ts';
import { SIGNATURE_HEADER, signRequest } from '../../wire/signature.ts';
import { tuneEvent } from '../../wire/tune/responses.ts';
import { quantile } from '../statistics.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const SECRET = 'a secret of this bench only';
const PICKS = 10;

/** Ranks from 0, drawn so that rank k comes with a probability in proportion to (k+1)^-skew. */
const zipf = (ranks: number, skew: number, random: () => number): (() => number) => {
  const weights = Array.from({ length: ranks }, (_, k) => (k + 1) ** -skew);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return () => {
    let left = random() * total;
    const rank = weights.findIndex((weight) => {
      left -= weight;
      return left < 0;
    });
    return rank < 0 ? ranks - 1 : rank;
  };
};

interface Answered {
  readonly reused: boolean;
  /** Milliseconds from the request to the first token. */
  readonly firstToken: number;
  readonly steps: number;
}

const ask = async (url: string, body: unknown): Promise<Answered> => {
  const bytes = new Uint8Array(Buffer.from(JSON.stringify(body)));
  const { header } = await signRequest(SECRET, { method: 'POST', path: '/v1/tune', body: bytes }, Date.now());
  const started = performance.now();
  const response = await fetch(`${url}/v1/tune`, {
    method: 'POST',
    body: bytes,
    headers: { [SIGNATURE_HEADER]: header },
  });
  if (!response.ok || response.body === null) throw new Error(await response.text());
  let firstToken: number | undefined;
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { data } of events) {
    const event = tuneEvent.parse(JSON.parse(data));
    if (event.event === 'token') firstToken ??= performance.now() - started;
    if (event.event === 'error') throw new Error(event.error.message);
    if (event.event === 'usage') {
      const { steps, tuning } = event.usage;
      return { reused: tuning.adapter?.reused === true, steps, firstToken: firstToken ?? performance.now() - started };
    }
  }
  throw new Error('the stream ended without usage');
};

const summary = (times: readonly number[]) =>
  times.length === 0 ? null : { p50: quantile(times, 0.5), p95: quantile(times, 0.95) };

export const run = async (args: string[]): Promise<void> => {
  const { values } = parseArgs({
    args,
    options: {
      model: { type: 'string', default: join(ROOT, 'models/base') },
      prompts: { type: 'string', default: '60' },
      requests: { type: 'string', default: '200' },
      skew: { type: 'string', default: '1' },
      mb: { type: 'string', default: String(ADAPTER_BYTES >> 20) },
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
    },
  });
  const prompts = values.quick ? 8 : Number(values.prompts);
  const requests = values.quick ? 24 : Number(values.requests);
  const skew = Number(values.skew);
  const backend = await createEmbeddedBackend({ models: { base: values.model } });
  const adapters = { maxBytes: Number(values.mb) * 2 ** 20 };
  const gateway = await serveGateway({ registry: registryOf(backend), secret: SECRET, port: 0, adapters });
  try {
    const examples = examplesOf((await starterCorpus(join(ROOT, 'node_modules'))).documents);
    const spread = Math.floor(examples.length / (prompts * PICKS));
    const bodyOf = (rank: number) => ({
      model: 'base',
      prompt: at(examples, rank * PICKS * spread).text.slice(0, 400),
      picks: Array.from({ length: PICKS }, (_, i) => at(examples, (rank * PICKS + i) * spread)).map(({ id, text }) => ({
        id,
        text,
      })),
      use: 'tune',
      sampling: { max_tokens: 4, temperature: 0 },
      stream: true,
    });
    await ask(gateway.url, { ...bodyOf(0), tenant: 'warm up' });
    const draw = zipf(prompts, skew, seededRandom(1));
    const answers: Answered[] = [];
    const started = performance.now();
    for (let i = 0; i < requests; i++) answers.push(await ask(gateway.url, bodyOf(draw())));
    const seconds = (performance.now() - started) / 1000;
    const timesOf = (reused: boolean) =>
      answers.filter((one) => one.reused === reused).map(({ firstToken }) => firstToken);
    const [found, made] = [timesOf(true), timesOf(false)];
    const result = {
      machine: cpus()[0]?.model,
      node: process.version,
      prompts,
      requests,
      skew,
      found: found.length / requests,
      steps: answers.reduce((sum, { steps }) => sum + steps, 0),
      stepsWithout: requests * PICKS,
      seconds,
      firstTokenMs: { found: summary(found), made: summary(made) },
    };
    if (values.json) return console.log(JSON.stringify(result));
    const ms = (times: ReturnType<typeof summary>) =>
      times === null ? 'none' : `p50 ${times.p50.toFixed(0)} ms, p95 ${times.p95.toFixed(0)} ms`;
    console.log(`${result.machine}, ${cpus().length} cores, Node ${process.version}; ${values.model}`);
    console.log(`${requests} requests for ${prompts} prompts, Zipf's exponent ${skew}, ${values.mb} MB of adapters`);
    console.log(`found            ${(100 * result.found).toFixed(0)} %`);
    console.log(`steps made       ${result.steps} of ${result.stepsWithout}`);
    console.log(`first token      found: ${ms(result.firstTokenMs.found)}; made: ${ms(result.firstTokenMs.made)}`);
    if (found.length > 0 && made.length > 0) {
      console.log(`ratio of medians ${(quantile(made, 0.5) / quantile(found, 0.5)).toFixed(1)}`);
    }
    console.log(`in all           ${seconds.toFixed(1)} s`);
  } finally {
    await gateway.close(0);
  }
};
