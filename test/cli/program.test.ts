// The parser around commands, and how they end: with commands of this file.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Command, Given } from '../../cli/commands/command.ts';
import { CommandError, EXIT, endOf } from '../../cli/exit.ts';
import { keyOf, serverOf } from '../../cli/server.ts';
import { SiftError } from '../../client/index.ts';
import { MachineError, UsageError } from '../../wire/usage.ts';
import { runTyped } from './typed.ts';

const command = (run: Command['run'], more: Partial<Command> = {}): Command => ({
  name: 'do',
  summary: 'does it',
  ...(run === undefined ? {} : { run }),
  ...more,
});
const failing = (error: unknown) => runTyped(['do', '--json'], { commands: [command(() => Promise.reject(error))] });
const refused = (status: number, headers: Record<string, string> = {}) =>
  new SiftError({ message: 'no', code: 'x' }, new Response('', { status, headers }));

describe('how a command ends', () => {
  it.each<[string, unknown, number, string]>([
    ['a mistake on the command line', new UsageError('--n is 0'), EXIT.usage, '--n is 0'],
    ['something wrong on the machine', new MachineError('the disk is full'), EXIT.failed, 'the disk is full'],
    ['a failure of its own', new CommandError('half of it', EXIT.partly), EXIT.partly, 'half of it'],
    ['a refused key', refused(401), EXIT.auth, 'no'],
    ['a key that may not', refused(403), EXIT.auth, 'no'],
    ['a busy edge', refused(429), EXIT.tryAgain, 'no'],
    ['a gateway that is away', refused(504), EXIT.tryAgain, 'no'],
    ['a refused request', refused(400, { 'x-request-id': 'abc' }), EXIT.failed, 'no (request abc)'],
    ['an edge that is not there', new SiftError({ message: 'not there' }), EXIT.tryAgain, 'not there'],
    ['a stream that failed', new SiftError({ message: 'broke', code: 'backend' }), EXIT.failed, 'broke'],
    ['a mistake of ours', new TypeError('undefined is not a function'), EXIT.failed, 'TypeError: undefined'],
    ['something odd', 'odd', EXIT.failed, 'odd'],
  ])('%s', async (_, error, exit, message) => {
    const { code, stderr, lines } = await failing(error);
    expect(code).toBe(exit);
    expect(stderr).toContain(`sift-edge: ${message}`);
    expect(lines).toEqual([{ error: expect.objectContaining({ exit, message: expect.stringContaining(message) }) }]);
    // a stack only where we are to blame
    expect(/\n +at /.test(endOf(error).message)).toBe(error instanceof TypeError);
  });

  it('with its own code, with 0 without one, and with 130 when it was interrupted', async () => {
    const of = async (run: Command['run'], signal?: AbortSignal) =>
      (await runTyped(['do'], { commands: [command(run)], ...(signal === undefined ? {} : { signal }) })).code;
    expect(await of(async () => EXIT.partly)).toBe(EXIT.partly);
    expect(await of(async () => undefined)).toBe(EXIT.ok);
    expect(await of(async () => undefined, AbortSignal.abort())).toBe(EXIT.interrupted);
    expect(await of(() => Promise.reject(new Error('aborted')), AbortSignal.abort())).toBe(EXIT.interrupted);
  });
});

describe('the command line', () => {
  const typed = async (args: string[], more: Partial<Command> = {}) => {
    let given: Given | undefined;
    const run = async (one: Given): Promise<undefined> => {
      given = one;
    };
    const ended = await runTyped(args, { commands: [command(run, more)] });
    return { code: ended.code, stdout: ended.stdout, stderr: ended.stderr, given };
  };

  it('gathers flags that may be repeated, and checks each of them', async () => {
    const flags = [{ flags: '--one <x>', summary: 'x', many: true, values: ['a', 'b'] }];
    expect((await typed(['do', '--one', 'a', '--one', 'b'], { flags })).given?.values.one).toEqual(['a', 'b']);
    expect((await typed(['do', '--one', 'a', '--one', 'c'], { flags })).code).toBe(EXIT.usage);
  });

  it('passes everything on to a raw command, flags that others have among it', async () => {
    const args = ['--quick', '--help', '--version', '-x', 'y', '--json'];
    expect((await typed(['do', ...args], { raw: true })).given?.positionals[0]).toEqual(args);
  });

  it('takes nothing behind -- for a flag', async () => {
    const positionals = [{ name: '[text]', summary: 'x' }];
    const { given, stdout } = await typed(['do', '--', '--json'], { positionals });
    expect([given?.positionals[0], given?.console.json, stdout]).toEqual(['--json', false, '']);
  });

  it('says what a mistyped command may have been', async () => {
    const { code, stderr } = await runTyped(['selct']);
    expect([code, stderr]).toEqual([EXIT.usage, expect.stringContaining('Did you mean select?')]);
  });
});

describe('which edge, and which key', () => {
  let state: string;
  beforeAll(async () => {
    state = await mkdtemp(join(tmpdir(), 'sift-key-'));
    await mkdir(join(state, 'damaged'));
    await writeFile(join(state, 'secrets.json'), '{"apiKey":"the key of this machine"}');
    await writeFile(join(state, 'damaged', 'secrets.json'), '{"apiKey":7}');
  });
  afterAll(() => rm(state, { recursive: true }));

  it('is said by a flag, else by a variable, else it is that of this machine', () => {
    expect(serverOf({ server: 'https://a.example' }, { SIFT_SERVER: 'https://b.example' })).toBe('https://a.example');
    expect(serverOf({}, { SIFT_SERVER: 'https://b.example' })).toBe('https://b.example');
    expect(serverOf({}, {})).toBe('http://127.0.0.1:8787');
    expect(() => serverOf({}, { SIFT_SERVER: 'ftp://x' })).toThrow("SIFT_SERVER is 'ftp://x', it must be a URL");
    expect(() => serverOf({ server: 'localhost:8787' }, {})).toThrow("--server is 'localhost:8787'");
    for (const same of ['https://a.example/', 'https://a.example/v1', 'HTTPS://a.example/v1//']) {
      expect(serverOf({ server: same }, {})).toBe('https://a.example');
    }
    expect(serverOf({ server: 'https://a.example/sift/v1' }, {})).toBe('https://a.example/sift');
  });

  it('is no link with a key or a password in it, which no message repeats', () => {
    for (const link of [
      'http://127.0.0.1:8787/#key=secret',
      'https://a.example/?key=secret',
      'https://secret@a.example',
      'https://user:secret@a.example/v1',
    ]) {
      const refused = () => serverOf({ server: link }, {});
      expect(refused).toThrow(/^--server has a '\?', a '#' or a user's name in it, it must be an address alone: http/);
      expect(refused).not.toThrow(/secret/);
    }
  });

  it('has the key of this machine for the edge of this machine alone', () => {
    const found = (server: string, more: Record<string, string> = {}, values = {}) =>
      keyOf(values, { SIFT_STATE: state, ...more }, server)?.key;
    expect(found('http://127.0.0.1:8787')).toBe('the key of this machine');
    expect(found('http://localhost:8787')).toBe('the key of this machine');
    for (const other of [
      'https://127.0.0.1:8787',
      'http://127.0.0.1:9000',
      'http://127.0.0.1:8787@evil.example',
      'https://x.example',
    ]) {
      expect(found(other)).toBeUndefined();
    }
    expect(found('http://127.0.0.1:8787', { SIFT_KEY: 'mine' })).toBe('mine');
    expect(found('http://127.0.0.1:8787', { SIFT_KEY: 'mine' }, { key: 'flag' })).toBe('flag');
    expect(found('http://127.0.0.1:8787', { SIFT_STATE: join(state, 'none') })).toBeUndefined();
    expect(found('http://127.0.0.1:8787', { SIFT_STATE: join(state, 'damaged') })).toBeUndefined();
  });
});
