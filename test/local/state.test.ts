// The state directory: one owner, readable and writable, and said so in a sentence when it is not.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockState } from '../../local/lock.ts';
import { loadIndexed, loadSecrets, saveIndexed } from '../../local/state.ts';
import { checkState } from '../../local/storage.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sift-state-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('secrets', () => {
  it('are made once, readable by their owner only, and the same afterwards', async () => {
    const made = await loadSecrets(directory);
    expect(await loadSecrets(directory)).toEqual(made);
  });

  it.each([
    ['cut off', '{"apiKey":"sk-'],
    ['empty', ''],
    ['with a key that is too short', '{"apiKey":"short","gatewaySecret":"0123456789012345678901234567890123456789"}'],
  ])('that are %s are said to be damaged and stay as they are', async (_, text) => {
    const path = join(directory, 'secrets.json');
    await writeFile(path, text);
    await expect(loadSecrets(directory)).rejects.toThrow(`${path} is damaged`);
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it('that cannot be read are no reason to make new ones', async () => {
    await mkdir(join(directory, 'secrets.json'));
    await expect(loadSecrets(directory)).rejects.toThrow('secrets.json cannot be read');
  });
});

it('a record of what was indexed that is damaged counts as none', async () => {
  await saveIndexed(directory, { corpus: 'c', method: 'm', examples: { a: '1' } });
  expect(await loadIndexed(directory, 'c')).toEqual({ corpus: 'c', method: 'm', examples: { a: '1' } });
  await writeFile(join(directory, 'indexed-c.json'), '{"corpus":');
  expect(await loadIndexed(directory, 'c')).toBeUndefined();
});

describe('the lock', () => {
  it('names the process that holds it and the directory', async () => {
    const lock = await lockState(directory);
    await expect(lockState(directory)).rejects.toThrow(`${directory} is in use by process ${process.pid}`);
    lock.release();
    (await lockState(directory)).release();
  });

  it('of a process that has ended is taken over, however it ended', async () => {
    const script = `import(${JSON.stringify(new URL('../../local/lock.ts', import.meta.url).href)}).then(async ({ lockState }) => {
      await lockState(${JSON.stringify(directory)}); console.log('locked'); setInterval(() => {}, 1000); });`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    await expect(lockState(directory)).rejects.toThrow(`in use by process ${child.pid}`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    (await lockState(directory)).release();
  });

  it('of a process whose number another one has now is taken over', async () => {
    await writeFile(join(directory, 'lock'), JSON.stringify({ pid: process.pid, started: 'long ago' }));
    (await lockState(directory)).release();
  });

  it('that was cut off by a crash is taken over', async () => {
    await writeFile(join(directory, 'lock'), '{"pid":');
    (await lockState(directory)).release();
  });

  it('goes to one of many that ask at the same moment, each time', async () => {
    // every process has loaded and waits for a line; each line is one round over a lock that a crash left behind
    const script = `import(${JSON.stringify(new URL('../../local/lock.ts', import.meta.url).href)}).then(async ({ lockState }) => {
      const { createInterface } = await import('node:readline');
      console.log('ready');
      for await (const directory of createInterface({ input: process.stdin })) {
        await lockState(directory).then(() => console.log('locked'), () => console.log('refused'));
      } });`;
    const children = Array.from({ length: 8 }, () => {
      const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
      return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
    });
    const answers = () => Promise.all(children.map(async ({ lines }) => (await lines.next()).value));
    await answers();
    for (let round = 0; round < 10; round++) {
      const contested = await mkdtemp(join(directory, 'round-'));
      await writeFile(join(contested, 'lock'), JSON.stringify({ pid: 1, started: 'long ago' }));
      for (const { child } of children) child.stdin.write(`${contested}\n`);
      expect((await answers()).filter((said) => said === 'locked').length, `round ${round}`).toBe(1);
    }
    for (const { child } of children) child.kill('SIGKILL');
  });
});

describe('the check before a start', () => {
  const database = async (name: string, rows: number): Promise<string> => {
    const path = join(directory, 'edge', 'do', name);
    await mkdir(join(directory, 'edge', 'do'), { recursive: true });
    const made = new DatabaseSync(path);
    made.exec('CREATE TABLE t (v TEXT); BEGIN');
    const insert = made.prepare('INSERT INTO t VALUES (?)');
    for (let i = 0; i < rows; i++) insert.run('x'.repeat(200));
    made.exec('COMMIT');
    made.close();
    return path;
  };

  it('makes a directory that is not there, and is content with sound databases and empty files', async () => {
    await checkState(join(directory, 'new', 'state'));
    await database('a.sqlite', 100);
    await writeFile(join(directory, 'edge', 'do', 'never-written.sqlite'), '');
    await checkState(directory);
  });

  it('names a database whose beginning or middle is overwritten, and what to do', async () => {
    const path = await database('a.sqlite', 1_000);
    const sound = await readFile(path);
    for (const from of [0, 8_192]) {
      const damaged = Buffer.from(sound);
      damaged.fill(0x5a, from, from + 6_000);
      await writeFile(path, damaged);
      await expect(checkState(directory)).rejects.toThrow(`${path} is damaged`);
    }
    await writeFile(path, sound.subarray(0, sound.length / 2));
    await expect(checkState(directory)).rejects.toThrow('delete');
    await writeFile(path, 'not a database at all');
    await expect(checkState(directory)).rejects.toThrow('is damaged');
  });

  it('says that a directory cannot be written', async () => {
    await writeFile(join(directory, 'file'), '');
    await expect(checkState(join(directory, 'file', 'state'))).rejects.toThrow('cannot be written');
    // a file that takes nothing in, as a full disk does
    if (process.platform === 'linux') {
      await symlink('/dev/full', join(directory, `probe.${process.pid}`));
      await expect(checkState(directory)).rejects.toThrow(/cannot be written.*ENOSPC/);
    }
  });
});
