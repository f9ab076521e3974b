// The four kinds of fuzzed requests: JSON bodies, uploads, raw bytes on a socket, and completions that must get through.
import { connect } from 'node:net';
import embedder from '../../models/embedder/config.json' with { type: 'json' };
import { asText, choose, mutated, oddValue, type Random, whole } from './values.ts';

export interface Target {
  readonly url: URL;
  readonly key: string;
}

export interface Outcome {
  /** HTTP status; 0: the connection ended without an answer, which only raw requests may see. */
  readonly status: number;
  readonly body: string;
  /** What was sent, for the report of a failure. */
  readonly sent: string;
}

const SIFT = { corpus: 'fuzz', n: 3, lambda: 0.3, degree: 6, rounds: 2, strategy: 'sift', method: 'lora', rank: 2 };
const TEMPLATES = { template: '{examples}\n{prompt}', example_template: '{source}: {text}', separator: '\n' };
const BODIES: Readonly<Record<string, unknown>> = {
  '/v1/select': {
    corpus: 'fuzz',
    input: 'How is a cookie set?',
    n: 4,
    lambda: 0.3,
    filter: { source: { $ne: 'x' }, 'meta.lang': { $in: ['en', null] } },
  },
  '/v1/select?': {
    candidates: [
      { id: 'a', vector: [1, 0, 0] },
      { id: 'b', vector: 'AACAPwAAAAAAAAAA' },
      { id: 'c', vector: [0.5, 0.5, 0.1] },
    ],
    vector: [1, 0.2, 0],
    n: 2,
    strategy: 'mmr',
    mmr_lambda: 0.4,
  },
  '/v1/select??': {
    corpora: ['fuzz'],
    inputs: ['How is a cookie set?', 'And a header?'],
    n: 60,
    fields: ['id', 'text', 'explained'],
    max_bytes: 400,
    store: false,
  },
  '/v1/completions': {
    model: 'base:sift',
    prompt: 'const app = new Hono();',
    max_tokens: 2,
    temperature: 0.5,
    top_p: 0.9,
    stop: ['\n'],
    stream: false,
    seed: 7,
    sift: { ...SIFT, learning_rate: 1e-4, use: 'both' },
  },
  '/v1/completions?': {
    model: 'base',
    prompt: ['Once'],
    max_tokens: 1,
    stream: true,
    stream_options: { include_usage: true },
    logit_bias: {},
    n: 1,
  },
  '/v1/completions??': {
    model: 'base:sift',
    prompt: ['Once', 'Twice'],
    max_tokens: 1,
    n: 2,
    logprobs: 2,
    presence_penalty: 0.5,
    truncate: 'start',
    sift: { ...SIFT, n: 1, input: ['a cookie', 'a router'], use: 'context' },
  },
  '/v1/chat/completions': {
    model: 'base:sift',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'How is a cookie set?' }] },
    ],
    max_completion_tokens: 2,
    n: 2,
    logprobs: true,
    top_logprobs: 2,
    frequency_penalty: -1,
    sift: { ...SIFT, n: 2, use: 'both', system_template: '{examples}\n{system}' },
  },
  '/v1/chat/completions?': {
    model: 'base',
    messages: [{ role: 'user', content: 'Once' }],
    max_tokens: 1,
    stream: true,
    stream_options: { include_usage: true, include_sift: true },
    tools: [],
    response_format: { type: 'text' },
  },
  '/v1/embeddings': {
    model: `onnx:${embedder.model}`,
    input: ['Once', 'upon'],
    encoding_format: 'base64',
    dimensions: embedder.dimensions,
    user: 'u',
  },
  '/v1/corpora/fuzz/delete': { filter: { source: { $in: ['nobody', 'nothing'] }, 'meta.lang': 'xx' }, cursor: 'a' },
  '/v1/score': {
    model: 'base',
    context: 'const app',
    text: ' = new Hono();',
    picks: [{ id: 'p', text: 'app.get', source: 'hono' }],
    sift: { ...SIFT, strategy: 'none', use: 'context', ...TEMPLATES },
  },
  '/v1/keys': {
    name: 'fuzz',
    scopes: ['read', 'select'],
    corpora: ['fuzz'],
    expires_at: '2099-01-01T00:00:00Z',
    rates: { requests_per_minute: 5 },
    budgets: { day: { steps: 5 }, total: { tokens: 5 } },
  },
};

const send = async (
  { url, key }: Target,
  path: string,
  body: string | Uint8Array,
  method = 'POST',
): Promise<Outcome> => {
  const init: RequestInit = {
    method,
    headers: { authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(30_000),
  };
  const response = await fetch(
    new URL(path, url),
    body.length === 0 ? init : { ...init, body: new Uint8Array(Buffer.from(body)) },
  );
  const text = typeof body === 'string' ? body : Buffer.from(body).toString('latin1');
  return { status: response.status, body: await response.text(), sent: `${method} ${path} ${text.slice(0, 2_000)}` };
};

/** A good body with one to three things changed. */
export const jsonRequest = (target: Target, random: Random): Promise<Outcome> => {
  const path = choose(random, Object.keys(BODIES));
  let value = BODIES[path];
  for (let i = choose(random, [1, 1, 1, 2, 4]); i > 0; i--) value = mutated(random, value);
  return send(target, path, asText(random, value));
};

const LINE = {
  id: 'line',
  text: 'A cookie is set with a name and a value.',
  source: 'docs/cookie.md',
  metadata: { lang: 'en', n: 1, tags: ['a', 'b'], ok: true },
};

/** Some lines, most of them changed; one good line among them, which must not be lost. */
export const uploadRequest = async (target: Target, random: Random): Promise<Outcome> => {
  const good = { ...LINE, id: `good-${whole(random, 1_000)}`, text: `${LINE.text} ${whole(random, 1e6)}` };
  const lines = Array.from({ length: whole(random, 6) }, () => asText(random, mutated(random, LINE)));
  const place = whole(random, lines.length + 1);
  const all = [...lines.slice(0, place), JSON.stringify(good), ...lines.slice(place)];
  const body = Buffer.concat(all.map((line) => Buffer.concat([Buffer.from(line), Buffer.from('\n')])));
  const outcome = await send(target, '/v1/corpora/fuzz/examples', new Uint8Array(body));
  const kept =
    outcome.body.includes(`"${good.id}","status":"created"`) ||
    outcome.body.includes(`"${good.id}","status":"updated"`) ||
    outcome.body.includes(`"${good.id}","status":"unchanged"`);
  return kept || outcome.status !== 200
    ? outcome
    : { ...outcome, status: 599, body: `the good line was lost: ${outcome.body}` };
};

const PATHS = [
  '/',
  '/health',
  '/v1/models',
  '/v1/models/base',
  '/v1/corpora',
  // not the corpus that the others use: a raw DELETE does delete
  '/v1/corpora/raw',
  '/v1/corpora/none',
  '/v1/corpora/fuzz/examples?limit=1&cursor=%00',
  '/v1/corpora/%2e%2e/examples/x',
  '/v1/select',
  '/v1/chat/completions',
  '/v1/embeddings',
  '/v1/selections/sel_aaaaaaaaaaaaaaaaaaaaaaaa',
  '/v1/selections/%2e%2e',
  '/v1/score',
  '/cdn-cgi/mf/scheduled',
  '/v1/corpora/fuzz/examples/%E0%A4%A',
];
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'BREW', 'get', ''];

const rawBytes = ({ url, key }: Target, random: Random): string => {
  const method = choose(random, METHODS);
  const path = random() < 0.1 ? `/${'a'.repeat(whole(random, 20_000))}` : choose(random, PATHS);
  const headers = [
    `host: ${random() < 0.9 ? url.host : choose(random, ['', 'evil.example', url.host.toUpperCase()])}`,
    ...(random() < 0.8 ? [`authorization: Bearer ${random() < 0.8 ? key : '\u0001'}`] : []),
    ...(random() < 0.3 ? [`x-${'h'.repeat(whole(random, 3_000))}: ${'v'.repeat(whole(random, 9_000))}`] : []),
    ...(random() < 0.2 ? ['MF-Route-Override: vectorize-local'] : []),
    ...(random() < 0.2 ? ['transfer-encoding: chunked'] : []),
    ...(random() < 0.4
      ? [`content-length: ${choose(random, ['0', '5', '-1', '99999999999999999999', 'x', '2'])}`]
      : []),
    ...(random() < 0.1 ? ['expect: 100-continue'] : []),
    ...(random() < 0.1 ? ['upgrade: websocket', 'connection: upgrade'] : ['connection: close']),
    ...(random() < 0.1 ? ['no colon here'] : []),
  ];
  const body = choose(random, [
    '',
    '{}',
    '{"corpus":"fuzz","input":"x"}',
    'zz\r\n',
    '2\r\n{}\r\n0\r\n\r\n',
    '\u0000'.repeat(40),
  ]);
  return `${method} ${path} HTTP/${choose(random, ['1.1', '1.1', '1.1', '1.0', '9.9'])}\r\n${headers.join('\r\n')}\r\n\r\n${body}`;
};

/** Bytes on a socket. The sender then closes its side, so that a server that waits for more gives up. */
export const rawRequest = (target: Target, random: Random): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const sent = random() < 0.1 ? String(oddValue(random)) : rawBytes(target, random);
    const socket = connect(Number(target.url.port), target.url.hostname);
    let answer = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end after 30 s: ${JSON.stringify(sent.slice(0, 500))}`));
    }, 30_000);
    const done = (): void => {
      clearTimeout(timer);
      const [, status = '0'] = /^HTTP\/1\.[01] (\d{3})/.exec(answer) ?? [];
      resolve({ status: Number(status), body: answer.slice(0, 2_000), sent: sent.slice(0, 2_000) });
    };
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
    });
    socket.on('close', done);
    socket.on('error', () => {}); // 'close' follows
    socket.end(sent, 'latin1');
  });

/** A good completion: it must be answered with 200. */
export const goodRequest = async (target: Target, random: Random): Promise<Outcome> => {
  const tuned = random() < 0.3;
  const body = {
    model: tuned ? 'base:sift' : 'base',
    prompt: choose(random, ['Once', '', '\n', 'const x =', 'é💥', 'How is a cookie set?']) || (tuned ? 'a' : ''),
    max_tokens: whole(random, 4),
    temperature: choose(random, [0, 0.5, 1, 2]),
    top_p: choose(random, [0, 0.1, 1]),
    stream: random() < 0.5,
    ...(tuned
      ? {
          prompt: 'How is a cookie set?',
          sift: { ...SIFT, n: 1 + whole(random, 2), use: choose(random, ['tune', 'context', 'both']) },
        }
      : {}),
  };
  const outcome = await send(target, '/v1/completions', JSON.stringify(body));
  const ended = !body.stream || outcome.body.trimEnd().endsWith('data: [DONE]');
  return outcome.status === 200 && ended
    ? outcome
    : { ...outcome, status: 598, body: `${outcome.status} ${outcome.body}` };
};
