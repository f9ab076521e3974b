// The commands that ask, against a running edge with its local index; the gateway behind it answers as told. One long file,
// because all of them share that edge.
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit.ts';
import { type Edge, KEY, startEdge } from '../edge/harness.ts';
import { makeKey } from '../edge/made-keys.ts';
import { goodEvents, type OpenAiGateway, openAiGateway } from '../edge/openai-gateway.ts';
import { type Circumstances, runTyped, type Typed } from './typed.ts';

let gateway: OpenAiGateway;
let edge: Edge;
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'sift-ask-'));
  gateway = await openAiGateway();
  edge = await startEdge({ vars: { GATEWAY_URL: gateway.url, INDEX_SETTLE_S: '0', SELECTION_TTL_S: '0' } });
  await edge.upload('docs', [
    { id: 'router', text: 'How a router matches the path of a request', source: 'guide.md', metadata: { lang: 'en' } },
    { id: 'cookie', text: 'How a cookie is set on a response', source: 'guide.md', metadata: { lang: 'en' } },
    {
      id: 'cats',
      text: 'Cats sleep most of the day\u001b[31m and like it',
      source: 'cats.md',
      metadata: { lang: 'en' },
    },
  ]);
});
afterAll(async () => {
  await edge?.close();
  await gateway?.close();
  await rm(scratch, { recursive: true, force: true });
});

afterEach(() => {
  gateway.tuning = undefined;
});

const run = (args: readonly string[], circumstances: Circumstances = {}): Promise<Typed> =>
  runTyped(args, { env: { SIFT_SERVER: edge.url.href, SIFT_KEY: KEY }, ...circumstances });
const fine = async (args: readonly string[], circumstances?: Circumstances): Promise<Typed> => {
  const typed = await run(args, circumstances);
  expect(typed.code, typed.stderr).toBe(EXIT.ok);
  return typed;
};
const file = async (name: string, text: string | Uint8Array): Promise<string> => {
  const path = join(scratch, name);
  await writeFile(path, text);
  return path;
};
/** Where nothing listens. */
const closedPort = async (): Promise<string> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
};
const PROMPT = 'the path of a request in a router';

describe('sift-edge select', () => {
  it('shows the picks as a table, with nothing that a terminal would obey', async () => {
    const { stdout } = await fine(['select', '--corpus', 'docs', '--n', '3', PROMPT]);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[1]).toMatch(/^ {4}1 +\d+\.\d % +0\.\d{3} {2}router {2}How a router/);
    expect(stdout).toContain('\\x1b[31m');
    expect(stdout).not.toContain('\u001b');
  });

  it('prints picks and what remains of the selection as NDJSON, and nothing else', async () => {
    const { lines, stderr } = await fine(['select', '--corpus', 'docs', '--n', '2', '--json', PROMPT]);
    expect(lines.map((line) => Object.keys(line))).toEqual([['pick'], ['pick'], ['selection']]);
    expect(lines[0]).toMatchObject({ pick: { id: 'router', source: 'guide.md' } });
    expect(lines[2]).toMatchObject({ selection: { corpus: 'docs', n: 2, strategy: 'sift' } });
    expect(stderr).toBe('');
  });

  it('takes its prompt from a file and from a pipe', async () => {
    const path = await file('prompt.txt', PROMPT);
    const first = async (args: string[], stdin = ''): Promise<string | undefined> =>
      (await fine(['select', '--corpus', 'docs', '--n', '1', ...args], { stdin })).stdout.split('\n')[1];
    const expected = await first([PROMPT]);
    expect(await first(['--file', path])).toBe(expected);
    expect(await first([], `${PROMPT}\n`)).toBe(expected);
    expect(await first(['-'], `${PROMPT}\n`)).toBe(expected);
    expect(await first(['--file', '-'], `${PROMPT}\n`)).toBe(expected);
  });

  it('passes on how to select', async () => {
    const options = '--strategy mmr --lambda 0.5 --degree 2 --rounds 1 --min-similarity auto --repeat'.split(' ');
    const more = ['--filter', '{"source":"cats.md"}', '--set', 'mmr_lambda=0.7'];
    const { lines } = await fine(['select', '--corpus', 'docs', '--json', ...options, ...more, PROMPT]);
    const selection = lines.at(-1)?.selection as Record<string, unknown>;
    expect(selection).toMatchObject({ strategy: 'mmr', lambda: 0.5, degree: 2 });
    expect(lines.slice(0, -1).map(({ pick }) => (pick as { source: string }).source)).not.toContain('guide.md');
  });

  it('selects from several corpora, and from a file of examples', async () => {
    await edge.upload('more', [{ id: 'path', text: 'A path is matched by a router, part by part' }]);
    const several = await fine(['select', '--corpus', 'docs', '--corpus', 'more', '--json', PROMPT]);
    expect(several.lines.at(-1)).toMatchObject({ selection: { corpora: ['docs', 'more'] } });
    const path = await file('own.jsonl', '{"id":"a","text":"a router"}\n\n{"text":"a cat"}\n');
    const own = await fine(['select', '--candidates', path, '--n', '2', '--json', PROMPT]);
    expect(own.lines.flatMap(({ pick }) => (pick === undefined ? [] : [(pick as { id: string }).id]))).toEqual([
      'a',
      'line-3',
    ]);
    const whole = await fine(['select', '--candidates', path, '--n', '1', '--texts', PROMPT]);
    expect(whole.stdout).toBe('# 1  a\na router\n\n');
  });

  it.each<[string[], string, Circumstances?]>([
    [['x'], 'give --corpus NAME, or --candidates FILE'],
    [['--corpus', 'a', '--candidates', 'b', 'x'], 'give --corpus or --candidates, not both'],
    [['--corpus', 'docs'], 'no prompt: give it as an argument, by --file, or pipe it in', { interactive: true }],
    [['--corpus', 'docs'], 'no prompt: stdin is empty'],
    [['--corpus', 'docs', '--file', '/no/such', 'x'], 'give the prompt or --file, not both'],
    [['--corpus', 'docs', '--file', '/no/such'], '/no/such cannot be read: ENOENT'],
    [['--corpus', 'docs', '--n', '0', 'x'], "--n is '0', it must be a whole number from 1 to 200"],
    [['--corpus', 'docs', '--lambda', 'big', 'x'], "--lambda is 'big', it must be a number"],
    [['--corpus', 'docs', '--filter', '{', 'x'], "--filter is '{', it must be JSON"],
    [['--corpus', 'docs', '--set', 'top_k', 'x'], "--set is 'top_k', it must be FIELD=VALUE"],
    [['--corpus', 'docs', '--set', '__proto__.x=1', 'x'], "--set is '__proto__.x=1'"],
    [['--corpus', 'docs', '--set', 'corpus.x=1', 'x'], '--set corpus.x=1: corpus has no fields'],
    [['--corpus', 'docs', '--strategy', 'best', 'x'], "argument 'best' is invalid"],
    [['--corpus', 'docs', '--server', 'here', 'x'], "--server is 'here', it must be a URL"],
    [['--corpus', 'docs', ''], 'no prompt: the argument is empty'],
  ])('refuses %j, with exit code 2', async (args, message, circumstances = {}) => {
    const { code, stdout, stderr } = await run(['select', ...args], circumstances);
    expect([code, stdout]).toEqual([EXIT.usage, '']);
    expect(stderr).toContain(message);
  });

  it('refuses a file that is no text, and one without examples', async () => {
    const binary = await file('binary', new Uint8Array([0xff, 0xfe, 0x00]));
    expect((await run(['select', '--corpus', 'docs', '--file', binary])).stderr).toContain('is not UTF-8 text');
    for (const [name, text, message] of [
      ['broken.jsonl', '{"text":"a"}\n{', 'line 2 is not JSON'],
      ['none.jsonl', '\n', 'holds no example'],
      ['odd.jsonl', '{"id":"x"}', 'line 1 has no "text" and no "vector"'],
      ['list.jsonl', '7', 'line 1 is no object'],
    ] as const) {
      const { code, stderr } = await run(['select', '--candidates', await file(name, text), 'x']);
      expect([code, stderr]).toEqual([EXIT.usage, expect.stringContaining(message)]);
    }
  });

  it('fails with 1 where there is no such corpus, with 4 without a right key, with 75 where nothing answers', async () => {
    const absent = await run(['select', '--corpus', 'nothing', '--json', 'x']);
    expect(absent.code).toBe(EXIT.failed);
    expect(absent.lines).toEqual([
      { error: expect.objectContaining({ exit: 1, code: 'unknown_corpus', status: 404, param: 'corpus' }) },
    ]);
    const foreign = await run(['select', '--corpus', 'docs', '--key', 'wrong', 'x']);
    expect(foreign.code).toBe(EXIT.auth);
    const { key } = await makeKey(edge, 'default', { scopes: ['read'] });
    expect((await run(['select', '--corpus', 'docs', '--key', key, 'x'])).code).toBe(EXIT.auth);
    expect((await run(['select', '--corpus', 'docs', 'x'], { env: { SIFT_SERVER: edge.url.href } })).code).toBe(4);
    const nowhere = await closedPort();
    const away = await run(['select', '--corpus', 'docs', '--server', nowhere, 'x']);
    expect(away.code).toBe(EXIT.tryAgain);
    expect(away.stderr).toBe(
      `sift-edge: ${nowhere}/v1/select cannot be reached: connect ECONNREFUSED ${new URL(nowhere).host}; sift-edge serve starts one, --server URL names another\n`,
    );
  });
});

describe('sift-edge complete', () => {
  it('prints the text as it comes', async () => {
    let release: () => void = () => {};
    const seen = new Promise<void>((resolve) => {
      release = resolve;
    });
    gateway.tuning = async (request, exchange) => {
      const events = goodEvents(request);
      const second = events.findIndex((event) => event.event === 'token' && event.text === 'lo');
      await exchange.stream();
      await exchange.events(...events.slice(0, second));
      // the rest comes only when the beginning was printed
      await seen;
      await exchange.events(...events.slice(second));
      exchange.end();
    };
    const { stdout, stderr } = await fine(['complete', 'Say '], { onWrite: () => release() });
    gateway.tuning = undefined;
    expect([stdout, stderr]).toEqual(['Hello\n', '']);
  });

  it('generates from the model itself, and learns first where a corpus is named', async () => {
    gateway.asked();
    await fine([
      'complete',
      '--max-tokens',
      '7',
      '--temperature',
      '0',
      '--top-p',
      '0.5',
      '--stop',
      'x',
      '--seed',
      '3',
      'Say ',
    ]);
    expect(gateway.asked()).toMatchObject([
      {
        model: 'base',
        prompt: 'Say ',
        picks: [],
        sampling: { max_tokens: 7, temperature: 0, top_p: 0.5, stop: ['x'], seed: 3 },
      },
    ]);
    const learning = '--use tune --n 2 --method lora --rank 4 --learning-rate 0.01 --no-guard'.split(' ');
    await fine(['complete', '--corpus', 'docs', ...learning, PROMPT]);
    const [asked] = gateway.asked();
    expect(asked).toMatchObject({
      use: 'tune',
      tuning: { method: 'lora', rank: 4, learning_rate: 0.01, guard: false },
      sampling: { max_tokens: 128 },
    });
    expect(asked?.picks).toHaveLength(2);
    // the suffix may be typed as well
    await fine(['complete', '--model', 'base:sift', '--corpus', 'docs', '--set', 'sift.rank=2', PROMPT]);
    expect(gateway.asked()[0]?.tuning).toMatchObject({ rank: 2 });
  });

  it('shows selection and steps with -v and at a terminal, on stderr', async () => {
    const args = ['complete', '--corpus', 'docs', '--use', 'tune', '--n', '2', PROMPT];
    const told =
      /^selected 2 of 3, [\d.]+ % explained: router 0\.\d+, .*\nstep 1\/2 {2}loss 2\.500 {2}3 ms {2}router\nstep 2\/2/;
    expect((await fine([...args, '-v'])).stderr).toMatch(told);
    expect((await fine(args, { interactive: true })).stderr).toMatch(told);
    expect((await fine(args)).stderr).toBe('');
  });

  it('is NDJSON with --json: what the text is made of, in its order', async () => {
    const { lines, stderr } = await fine([
      'complete',
      '--corpus',
      'docs',
      '--use',
      'tune',
      '--n',
      '1',
      '--json',
      PROMPT,
    ]);
    expect(lines.map((line) => Object.keys(line)[0])).toEqual(
      ['selection', 'queued', 'step', 'text', 'text', 'finish', 'usage'].filter((name) =>
        lines.some((line) => name in line),
      ),
    );
    expect(lines).toContainEqual({ text: 'Hel', index: 0 });
    expect(lines).toContainEqual({ finish: 'stop', index: 0 });
    expect(stderr).toBe('');
  });

  it('shows several samples one after the other', async () => {
    expect((await fine(['complete', '--samples', '2', 'Say '])).stdout).toBe('[1]\nHello\n\n[2]\nHello\n\n');
  });

  it('refuses what is about examples where none are selected', async () => {
    const { code, stderr } = await run(['complete', '--lambda', '1', 'x']);
    expect([code, stderr]).toEqual([
      EXIT.usage,
      'sift-edge: --lambda is about examples: give --corpus NAME or --tune as well\n',
    ]);
  });

  it('ends with 75 where a stream says that it may work later, with 1 where it failed', async () => {
    const failing = async (code: string): Promise<Typed> => {
      gateway.tuning = async (_, exchange) => {
        await exchange.stream();
        const error = { message: 'it broke', type: 'server_error', code, param: null };
        await exchange.events({ event: 'token', index: 0, text: 'Hel', tokens: 1 }, { event: 'error', error });
        exchange.end();
      };
      const typed = await run(['complete', 'x']);
      gateway.tuning = undefined;
      return typed;
    };
    const broke = await failing('backend');
    expect([broke.code, broke.stdout]).toEqual([EXIT.failed, 'Hel']);
    expect((await failing('shutting_down')).code).toBe(EXIT.tryAgain);
  });

  // that the work at the other end stops is in process.slow.test.ts
  it('ends with 130 when it is interrupted', async () => {
    const stopped = new AbortController();
    gateway.tuning = async (_, exchange) => {
      await exchange.stream();
      await exchange.events({ event: 'token', index: 0, text: 'Hel', tokens: 1 });
    };
    const typed = await run(['complete', 'x'], { signal: stopped.signal, onWrite: () => stopped.abort() });
    expect([typed.code, typed.stdout, typed.stderr]).toEqual([EXIT.interrupted, 'Hel', '']);
  });
});

describe('sift-edge chat', () => {
  it('answers a message of the command line, of a pipe, and goes on with a conversation of a file', async () => {
    gateway.asked();
    expect((await fine(['chat', '--system', 'be brief', 'hello'])).stdout).toBe('Hello\n');
    await fine(['chat'], { stdin: 'piped\nin\n' });
    const messages = [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'two' },
    ];
    await fine(['chat', '--messages', await file('talk.json', JSON.stringify(messages)), 'three']);
    expect(gateway.asked().map((request) => request.messages)).toEqual([
      [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'hello' },
      ],
      [{ role: 'user', content: 'piped\nin' }],
      [...messages, { role: 'user', content: 'three' }],
    ]);
  });

  it('goes on at a terminal, each answer knowing those before, until its end', async () => {
    gateway.asked();
    const { stdout, stderr } = await fine(['chat', '--corpus', 'docs', '--use', 'context'], {
      interactive: true,
      stdin: 'first\n\nsecond\n/exit\nnever\n',
    });
    expect(stdout).toBe('Hello\nHello\n');
    expect(stderr.split('> ')).toHaveLength(5);
    expect(gateway.asked().map(({ messages }) => messages?.map(({ content }) => content))).toEqual([
      ['first'],
      ['first', 'Hello', 'second'],
    ]);
  });

  it('says what failed, and goes on', async () => {
    let times = 0;
    gateway.tuning = async (request, exchange) => {
      times += 1;
      await exchange.stream();
      const error = { message: 'it broke', type: 'server_error', code: 'backend', param: null };
      await exchange.events(...(times === 1 ? [{ event: 'error', error } as const] : goodEvents(request)));
      exchange.end();
    };
    const { stdout, stderr } = await fine(['chat'], { interactive: true, stdin: 'one\ntwo\n' });
    gateway.tuning = undefined;
    expect(stdout).toBe('Hello\n');
    expect(stderr).toContain('it broke');
    // a key that is refused would be refused again
    expect((await run(['chat', '--key', 'wrong'], { interactive: true, stdin: 'one\ntwo\n' })).code).toBe(EXIT.auth);
  });

  it('refuses a conversation that is none', async () => {
    for (const [text, message] of [
      ['[', 'is not JSON'],
      ['{}', 'messages'],
      ['[{"role":"king","content":"x"}]', 'messages.0.role'],
    ] as const) {
      const { code, stderr } = await run(['chat', '--messages', await file('bad.json', text), 'x']);
      expect([code, stderr]).toEqual([EXIT.usage, expect.stringContaining(message)]);
    }
  });
});

describe('sift-edge score', () => {
  const asked: Record<string, unknown>[] = [];
  beforeEach(() => {
    asked.length = 0;
    const score = (bits_per_byte: number) => ({ bits: 8, bytes: 8, tokens: 2, bits_per_byte });
    gateway.tuning = (_, exchange) => {
      const request = JSON.parse(exchange.seen.body) as { picks: { id: string }[] };
      asked.push({ path: exchange.seen.path, ...request });
      const step = { of: request.picks.length, loss: 1, tokens: 3, truncated: false, ms: 1, reused: false };
      const steps = request.picks.map(({ id }, index) => ({ ...step, index, id }));
      return exchange.answer(200, {
        ...{ model: 'base', before: score(1), after: score(steps.length === 0 ? 1 : 0.75), steps },
        tuning: { method: 'full', rank: null, learning_rate: 1e-3, guard: null, adapter: null },
        ms: { queue: 0, open: 0, tune: 0, score: 0 },
      });
    };
  });

  it('says what a text needs by itself', async () => {
    expect((await fine(['score', 'a router'])).stdout).toBe('1.0000 bits per byte (8 bytes, 2 tokens)\n');
    expect(asked).toMatchObject([{ path: '/v1/score', text: 'a router', picks: [] }]);
  });

  it('says what it needs after learning from what is selected for its context', async () => {
    const args = ['score', '--corpus', 'docs', '--n', '2', '--use', 'tune', '--context', PROMPT, 'that matches'];
    expect((await fine(args)).stdout).toMatch(
      / {2}router {2}How a router[\s\S]*\nbefore {2}1\.0000 .*\nafter {3}0\.7500 {2}-25\.0 % {2}\(2 steps\)\n$/,
    );
    expect(asked).toMatchObject([{ context: PROMPT, text: 'that matches', use: 'tune' }]);
    expect((await fine([...args, '--json'])).lines).toMatchObject([
      { object: 'score', after: { bits_per_byte: 0.75 } },
    ]);
  });

  it('learns from a file of picks, as select prints them', async () => {
    const { stdout } = await fine(['select', '--corpus', 'docs', '--n', '2', '--json', PROMPT]);
    const picks = await file('picks.jsonl', stdout);
    const context = await file('context.txt', PROMPT);
    await fine(['score', '--picks', picks, '--context-file', context, '--file', context]);
    expect(asked).toMatchObject([{ picks: [{ id: 'router' }, expect.anything()], text: PROMPT, context: PROMPT }]);
  });

  it.each([
    [['--corpus', 'docs', 'x'], 'give --context or --context-file'],
    [['--context', 'a', '--context-file', 'b', 'x'], 'give --context or --context-file, not both'],
    [['--n', '3', 'x'], '--n is about examples'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await run(['score', ...args]);
    expect([code, stderr]).toEqual([EXIT.usage, expect.stringContaining(message)]);
    expect(asked).toEqual([]);
  });
});

describe('sift-edge corpora', () => {
  it('makes, lists and shows', async () => {
    const made = await fine([
      'corpora',
      'create',
      'made',
      '--filterable',
      'lang',
      '--chunk',
      '700',
      '--overlap',
      '350',
    ]);
    expect(made.stdout).toContain('into 700 characters, overlap 350');
    const { lines } = await fine(['corpora', 'show', 'made', '--json']);
    expect(lines).toMatchObject([{ name: 'made', filterable: { lang: 'string' }, chunk: { size: 700, overlap: 350 } }]);
    expect((await fine(['corpora', 'show', 'docs'])).stdout).toContain('examples  3,');
    expect((await fine(['corpora', 'list'])).stdout.split('\n')).toEqual(expect.arrayContaining(['docs', 'made']));
    expect((await fine(['corpora', 'list', '--json'])).lines).toContainEqual({ corpus: 'docs' });
    const absent = await run(['corpora', 'show', 'nothing']);
    expect([absent.code, absent.stderr]).toEqual([EXIT.failed, "sift-edge: there is no corpus 'nothing'\n"]);
    expect((await run(['corpora', 'create', 'x', '--filterable', 'a:date'])).code).toBe(EXIT.usage);
    expect((await run(['corpora', 'create', 'x', '--overlap', '3'])).code).toBe(EXIT.usage);
  });

  it('lists examples, shows one, and exports all, to be uploaded again', async () => {
    expect((await fine(['corpora', 'examples', 'docs'])).stdout).toMatch(/^cats {2}\d+ bytes\ncookie {2}/);
    const one = await fine(['corpora', 'examples', 'docs', 'cookie']);
    expect(one.stdout).toBe('How a cookie is set on a response\n');
    expect(one.stderr).toContain('source guide.md  metadata {"lang":"en"}');
    // a terminal would obey it, a pipe gets it as it is
    expect((await fine(['corpora', 'examples', 'docs', 'cats'], { interactive: true })).stdout).toContain('\\x1b[31m');
    expect((await fine(['corpora', 'examples', 'docs', 'cats'])).stdout).toContain('\u001b[31m');
    expect((await run(['corpora', 'examples', 'docs', 'dogs'])).code).toBe(EXIT.failed);
    expect((await run(['corpora', 'examples', 'nothing'])).code).toBe(EXIT.failed);
    const exported = await fine(['corpora', 'export', 'docs']);
    expect(exported.lines).toHaveLength(3);
    expect(exported.lines).toContainEqual(expect.objectContaining({ id: 'cookie', source: 'guide.md' }));
    const path = join(scratch, 'docs.jsonl');
    await fine(['corpora', 'export', 'docs', '--output', path]);
    const again = (await readFile(path, 'utf8')).trimEnd().split('\n');
    const results = await edge.upload('copy', again);
    expect(results.map(({ status }) => status)).toEqual(['created', 'created', 'created']);
    expect((await fine(['corpora', 'export', 'docs', '--vectors'])).lines[0]).toHaveProperty('vector');
    const nowhere = await run(['corpora', 'export', 'docs', '--output', join(scratch, 'no', 'docs.jsonl')]);
    expect([nowhere.code, nowhere.stderr]).toEqual([EXIT.failed, expect.stringContaining('cannot be written')]);
    expect((await readdir(scratch)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('deletes examples by their ids, with 3 where some were not there', async () => {
    await edge.upload(
      'parts',
      ['a', 'b', 'c', 'd'].map((id) => ({ id, text: `text ${id}`, source: `${id}.md` })),
    );
    expect((await fine(['corpora', 'delete-examples', 'parts', 'a'])).stdout).toBe('deleted a\n');
    const partly = await run(['corpora', 'delete-examples', 'parts', 'a', 'b']);
    expect([partly.code, partly.stdout]).toEqual([EXIT.partly, 'deleted b\n']);
    expect((await run(['corpora', 'delete-examples', 'parts', 'a', 'b'])).code).toBe(EXIT.failed);
    expect((await run(['corpora', 'delete-examples', 'parts'])).code).toBe(EXIT.usage);
    const filter = ['corpora', 'delete-examples', 'parts', '--filter', '{"source":"c.md"}'];
    expect((await run(filter)).stderr).toContain('say --yes');
    expect((await fine([...filter, '--yes'])).stdout).toBe('deleted 1 examples\n');
    expect((await fine(['corpora', 'examples', 'parts'])).stdout).toMatch(/^d {2}/);
  });

  it('deletes a corpus when its name was typed, or by --yes', async () => {
    for (const name of ['gone', 'gone-too']) await edge.upload(name, [{ id: 'a', text: 'text' }]);
    expect((await run(['corpora', 'delete', 'gone'])).code).toBe(EXIT.usage);
    const no = await run(['corpora', 'delete', 'gone'], { interactive: true, stdin: 'y\n' });
    expect([no.code, no.stderr]).toEqual([EXIT.failed, expect.stringContaining('nothing was deleted')]);
    const yes = await fine(['corpora', 'delete', 'gone'], { interactive: true, stdin: 'gone\n' });
    expect(yes.stdout).toBe('deleted gone: 1 examples\n');
    expect((await fine(['corpora', 'delete', 'gone-too', '--yes', '--json'])).lines).toMatchObject([{ deleted: true }]);
    expect((await run(['corpora', 'delete', 'gone', '--yes'])).code).toBe(EXIT.failed);
  });
});

describe('sift-edge keys', () => {
  it('makes a key that works, and ends it', async () => {
    const { lines } = await fine(['keys', 'create', '--scope', 'select', '--corpus', 'docs', '--json']);
    const { key, id } = lines[0] as { key: string; id: string };
    await fine(['select', '--corpus', 'docs', '--key', key, PROMPT]);
    expect((await fine(['keys', 'list'])).stdout).toContain(id);
    await fine(['keys', 'revoke', id]);
    expect((await fine(['keys', 'list'])).stdout).not.toContain(id);
  });
});
