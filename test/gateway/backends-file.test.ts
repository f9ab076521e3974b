// The file that names backends on other machines: what is refused, in which words, and what comes of a right one.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createBackends, parseBackends } from '../../gateway/backends/file.ts';
import { createRegistry } from '../../gateway/backends/registry.ts';
import { tuneResponse } from '../../wire/tune/responses.ts';
import { UsageError } from '../../wire/usage.ts';
import { fakeBackend, fakeModel } from './fake-backend.ts';
import { allEvents, json, request, serve, soon } from './harness.ts';
import { eventually, never, OPEN, scripted } from './tinker-harness.ts';
import { MODEL, NOTHING } from './tinker-server.ts';

const server = { url: 'https://gpu.example.com/base' };
const gpu = (changes: object = {}) => ({ type: 'tinker', servers: [server], models: [{ name: 'qwen' }], ...changes });
const parse = (value: unknown) => parseBackends(JSON.stringify(value), '/etc/sift/backends.json');

describe('the file of backends', () => {
  it('is read with its defaults, and directories relative to it', () => {
    const { gpu: read } = parse({ gpu: gpu({ models: [{ name: 'qwen', tokenizer: 'qwen' }, { name: 'b' }] }) });
    expect(read?.models).toEqual([{ name: 'qwen', tokenizer: '/etc/sift/qwen' }, { name: 'b' }]);
    expect(read?.servers[0]?.url.href).toBe('https://gpu.example.com/base/');
    expect([read?.encoding, read?.concurrency]).toEqual(['protobuf', undefined]);
  });

  it.each(['http://127.0.0.1:8123', 'http://localhost:1', 'http://[::1]:8123', 'https://10.0.0.1'])(
    'takes %s',
    (url) => {
      expect(parse({ gpu: gpu({ servers: [{ url }] }) }).gpu?.servers.length).toBe(1);
    },
  );

  it('takes http to another machine only where it is said', () => {
    const url = 'http://gpu:8123';
    expect(parse({ gpu: gpu({ servers: [{ url, plainHttp: true }] }) }).gpu?.servers[0]?.url.host).toBe('gpu:8123');
    expect(() => parse({ gpu: gpu({ servers: [{ url, plainHttp: false }] }) })).toThrow('say "plainHttp": true');
    expect(() => parse({ gpu: gpu({ servers: [{ url: 'ftp://gpu', plainHttp: true }] }) })).toThrow('must be https:');
  });

  it('finds a key in the file that NAME_FILE names, and says which is missing', async () => {
    const { url, requests } = await scripted({ key: 'tml-one' });
    const below = mkdtempSync(join(tmpdir(), 'sift-backends-'));
    const path = join(below, 'backends.json');
    writeFileSync(join(below, 'key'), 'tml-one\n');
    const model = { name: 'tiny', serverName: MODEL };
    writeFileSync(path, JSON.stringify({ gpu: gpu({ servers: [{ url, keyEnv: 'GPU_KEY' }], models: [model] }) }));
    const { gpu: backend } = await createBackends(path, { GPU_KEY_FILE: join(below, 'key') });
    expect(requests('get_server_capabilities')).toBeGreaterThan(0);
    await backend?.close();
    await expect(createBackends(path, {})).rejects.toThrow('the variable GPU_KEY is not set');
    await expect(createBackends(path, { GPU_KEY_FILE: '/no/key' })).rejects.toThrow('GPU_KEY_FILE cannot be read');
  });

  it.each<[string, unknown, string]>([
    ['nothing in it', {}, 'names no backend'],
    ['a list', [], 'the file: Invalid input: expected record, received array'],
    ['another type', { gpu: { type: 'vllm' } }, 'gpu.type is \'vllm\': type must be "tinker"'],
    ['a name for nobody', { 'G P U': gpu() }, 'G P U: a name is of a to z'],
    ['the name of the embedded one', { embedded: gpu() }, 'embedded: is the name of the backend on this machine'],
    ['no server', { gpu: gpu({ servers: [] }) }, 'gpu.servers: '],
    ['no address', { gpu: gpu({ servers: [{ url: 'gpu' }] }) }, "gpu.servers.0.url is 'gpu': is no address"],
    [
      'plain HTTP',
      { gpu: gpu({ servers: [{ url: 'http://gpu:1' }] }) },
      "is 'http://gpu:1': is http:, which only goes to this machine",
    ],
    [
      'a host that looks like this machine',
      { gpu: gpu({ servers: [{ url: 'http://127.0.0.1.evil.com' }] }) },
      'use https:',
    ],
    ['another scheme', { gpu: gpu({ servers: [{ url: 'file:///x' }] }) }, 'is file:, it must be https:'],
    ['a query', { gpu: gpu({ servers: [{ url: 'https://a/?key=1' }] }) }, 'has a query or a fragment'],
    [
      'a password',
      { gpu: gpu({ servers: [{ url: 'https://me:tml-secret@a' }] }) },
      "is 'https://…@a': holds a user name or a password",
    ],
    [
      'a key in place of its name',
      { gpu: gpu({ servers: [{ ...server, keyEnv: 'tml-secret' }] }) },
      'must be the name of an environment variable',
    ],
    ['a field that is not known', { gpu: gpu({ colour: 'red' }) }, 'gpu: Unrecognized key: "colour"'],
    ['no model', { gpu: gpu({ models: [] }) }, 'gpu.models: '],
    ['0 sessions', { gpu: gpu({ concurrency: 0 }) }, "gpu.concurrency is '0': "],
  ])('with %s is refused', (_, value, message) => {
    expect(() => parse(value)).toThrow(UsageError);
    expect(() => parse(value)).toThrow(message);
    expect(() => parse(value)).toThrow(/^\/etc\/sift\/backends\.json/);
  });

  it('that is no JSON, or not there, is refused by its name', async () => {
    expect(() => parseBackends('{', 'b.json')).toThrow('b.json is not JSON');
    await expect(createBackends('/no/such.json', {})).rejects.toThrow('/no/such.json cannot be read');
  });
});

describe('a gateway with backends of both kinds', () => {
  const both = async (script = {}) => {
    const remote = await scripted(script);
    const path = join(mkdtempSync(join(tmpdir(), 'sift-backends-')), 'backends.json');
    const one = { type: 'tinker', servers: [{ url: remote.url }], models: [{ name: 'tiny', serverName: MODEL }] };
    writeFileSync(path, JSON.stringify({ gpu: { ...one, concurrency: 1 } }));
    const { gpu: backend } = await createBackends(path, {});
    if (backend === undefined) throw new Error('no backend');
    const cpu = fakeBackend({ models: [fakeModel()] });
    return { remote, cpu, backend, ...(await serve({ registry: createRegistry({ cpu, gpu: backend }) })) };
  };

  it('tunes and generates on each', async () => {
    const { remote, call } = await both();
    // three picks that have nothing in common: the guard would undo their steps
    const asked = { ...request, model: 'tiny', tuning: { guard: false } };
    const answer = await json((await call('/v1/tune', asked)).response, tuneResponse);
    expect(answer.steps.length).toBe(3);
    expect(answer.choices[0]?.text).not.toBe('');
    expect((await call('/v1/tune', request)).response.status).toBe(200);
    await eventually(remote.held).toEqual(NOTHING);
  });

  it('does not let a slow backend hold another’s places', async () => {
    const held = Promise.withResolvers<boolean>();
    const { remote, call, gateway } = await both({
      misbehave: ({ path }: { path: string }) => path === 'optim_step' && held.promise,
    });
    const waiting = Array.from({ length: 5 }, () => call('/v1/tune', { ...request, model: 'tiny', stream: true }));
    await eventually(() => remote.requests('optim_step')).toBeGreaterThan(0);
    await eventually(async () => (await (await fetch(`${gateway.url}/health`)).json()).backends).toEqual([
      { name: 'cpu', running: 0, waiting: 0 },
      { name: 'gpu', running: 1, waiting: 4 },
    ]);
    expect((await soon('the other backend', call('/v1/tune', request))).response.status).toBe(200);
    held.resolve(false);
    for (const { response } of await Promise.all(waiting)) {
      expect((await allEvents(response)).at(-1)).toMatchObject({ event: 'done' });
    }
    await eventually(remote.held).toEqual(NOTHING);
  });

  it('says 503 with Retry-After where the servers are full', async () => {
    const { call } = await both({ slots: 0 });
    const { response } = await call('/v1/tune', { ...request, model: 'tiny' });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '7']);
    expect(await response.json()).toMatchObject({ error: { code: 'backend_unavailable', type: 'server_error' } });
  });

  it('ends the work on the server within a second of a caller’s leaving', async () => {
    const { remote, call } = await both({ workMs: 50 });
    const leave = new AbortController();
    const { response } = await call('/v1/tune', { ...request, model: 'tiny', stream: true }, { signal: leave.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    leave.abort();
    await eventually(remote.held).toEqual(NOTHING);
  });

  it('opens again what the file names, each time anew', async () => {
    const { backend, remote } = await both();
    const session = await backend.open(OPEN, never);
    await session.close();
    await eventually(remote.held).toEqual(NOTHING);
  });
});
