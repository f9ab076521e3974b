// The whole path once, as a user starts it: real text indexed, a real prompt, a model fine-tuned here and now. And what
// the command says when it is given something wrong.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { lockState } from '../../local/lock.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'sift-start-'));
});
afterAll(() => rm(scratch, { recursive: true }));

const start = (...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, ['cli/sift-edge.ts', 'serve', ...args], {
      cwd: ROOT,
      env: { ...process.env, SIFT_STATE: join(scratch, 'state') },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => {
      stdout += data;
    });
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
const free = ['--port', '0', '--gateway-port', '0'];

const reasons = z.array(z.object({ reason: z.string(), names: z.array(z.string()) }));
const ready = z.object({
  ready: z.literal(true),
  edge: z.url(),
  gateway: z.url(),
  key: z.string().min(16),
  documents: z.int(),
  examples: z.int(),
  passed_over: reasons,
  refused: reasons,
});
const report = z.object({
  report: z.object({
    documents: z.array(
      z.object({ source: z.string(), bpb: z.object({ base: z.number(), nn: z.number(), sift: z.number() }) }),
    ),
    explained: z.number().gt(0).max(1),
    picks: z.array(
      z.object({ id: z.string(), text: z.string(), gain: z.number(), similarity: z.number(), sigma2: z.number() }),
    ),
    sigma2: z.object({ initial: z.number(), final: z.number() }),
    bpb: z.object({ base: z.number(), nn: z.number(), sift: z.number() }),
    completion: z.object({ before: z.string(), after: z.string() }),
    ms: z.record(z.string(), z.number()),
  }),
});

/** A corpus that a prompt has much to learn from: API pages of one fashion. */
const writeCorpus = async (directory: string): Promise<void> => {
  await mkdir(join(directory, 'api'), { recursive: true });
  for (const name of ['tea', 'mate', 'cocoa', 'coffee', 'chai', 'rooibos']) {
    const page = ['brew', 'steep', 'pour', 'sip']
      .map(
        (verb) =>
          `## ${name}.${verb}(options)\n\nWill ${verb} the ${name} with the given options and return a \`Promise<Pot>\`.\n\n` +
          `\`\`\`ts\nconst pot = await ${name}.${verb}({ grams: 18, seconds: 30 });\n\`\`\`\n\n` +
          `Throws \`EmptyPotError\` when there is no ${name} left. See also [${name}.options](#${name}-options).\n\n`,
      )
      .join('');
    await writeFile(join(directory, 'api', `${name}.md`), `# ${name}\n\n${page}`);
  }
  await writeFile(join(directory, 'picture.png'), Buffer.from([137, 80, 78, 71, 0, 0, 1]));
  await symlink('/no/such/file', join(directory, 'link.md'));
  await writeRefused(directory);
};

/** A file whose path is longer than the edge takes as a source. */
const writeRefused = async (directory: string): Promise<void> => {
  const deep = join(directory, ...Array.from({ length: 6 }, () => 'directory-of-a-long-name'.repeat(4)));
  await mkdir(deep, { recursive: true });
  await writeFile(join(deep, 'refused.md'), 'text of a file far below\n');
};

describe('npm start', () => {
  it('indexes, selects, fine-tunes and continues: fewer bits per byte than before', { timeout: 180_000 }, async () => {
    const corpus = join(scratch, 'docs');
    await writeCorpus(corpus);
    const { code, stdout, stderr } = await start('--once', '--json', '--corpus', corpus, '--n', '6', ...free);
    expect(code, stderr).toBe(0);
    const lines = stdout.trim().split('\n');
    expect(lines.length).toBe(2);
    expect(ready.parse(JSON.parse(lines[0] ?? ''))).toMatchObject({
      documents: 7,
      passed_over: [
        { reason: 'a broken link', names: ['link.md'] },
        { reason: 'binary', names: ['picture.png'] },
      ],
      refused: [{ names: [expect.stringContaining('refused.md#0')] }],
    });
    const { documents, picks, bpb, sigma2, completion, ms } = report.parse(JSON.parse(lines[1] ?? '')).report;
    expect(documents.length).toBe(1);
    expect(picks.length).toBe(6);
    for (const { id } of picks) expect(id.startsWith(`${documents[0]?.source}#`)).toBe(false);
    let before = sigma2.initial;
    for (const pick of picks) {
      expect(before - pick.sigma2).toBeCloseTo(pick.gain, 5);
      before = pick.sigma2;
    }
    expect(bpb.nn).toBeLessThan(bpb.base);
    expect(bpb.sift).toBeLessThan(0.9 * bpb.base);
    expect(completion.after).not.toBe(completion.before);
    expect(ms.total).toBeGreaterThan(0);

    // the second start finds the index as it was, but for what was refused, and takes a prompt of the user's own
    const again = await start('--once', '--json', '--corpus', corpus, '--prompt', '## cider.brew(options)', ...free);
    expect(again.code, again.stderr).toBe(0);
    // progress is for a terminal
    expect(again.stderr).not.toMatch(/[█░]/);
    expect(ready.parse(JSON.parse(again.stdout.split('\n')[0] ?? '')).refused).toMatchObject([
      { names: [expect.stringContaining('refused.md#0')] },
    ]);
    const second = report.parse(JSON.parse(again.stdout.trim().split('\n')[1] ?? '')).report;
    expect(second.picks.length).toBe(10);
  });

  // each refusal of an option is in test/cli/flags.test.ts; these say in one line what is not there, before anything starts
  it.each([
    ['an unknown option', ['--nonsense'], "unknown option '--nonsense'"],
    ['a directory that is not there', ['--corpus', '/no/such/directory'], '--corpus /no/such/directory cannot be read'],
    [
      'a prompt file that is not there',
      ['--prompt-file', '/no/such/file'],
      '--prompt-file /no/such/file cannot be read',
    ],
  ])('refuses %s in one line', async (_, args, message) => {
    const { code, stdout, stderr } = await start('--once', ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n').length).toBe(1);
    expect(stdout).toBe('');
  });

  it('refuses an empty corpus, a single document and a file that cannot be read', async () => {
    const empty = join(scratch, 'empty');
    await mkdir(empty);
    await writeFile(join(empty, 'zeros.bin'), new Uint8Array(8));
    expect((await start('--once', '--corpus', empty, ...free)).stderr).toContain(
      'holds no text (1 files looked at: binary)',
    );
    const single = join(scratch, 'single');
    await mkdir(single);
    await writeFile(join(single, 'one.md'), 'text '.repeat(500));
    expect((await start('--once', '--corpus', single, ...free)).stderr).toContain('a single document');
  });

  it('fails when every example is refused', async () => {
    const none = join(scratch, 'none');
    await writeRefused(none);
    const { code, stderr } = await start('--once', '--no-demo', '--corpus', none, ...free);
    expect(code).toBe(1);
    expect(stderr).toContain('every example was refused, the first because: ');
  });

  it('says that another process has its state, and which', async () => {
    const lock = await lockState(join(scratch, 'state'));
    const { code, stderr } = await start('--once', '--no-demo', ...free);
    lock.release();
    expect(code).toBe(1);
    expect(stderr.trim()).toContain(`${join(scratch, 'state')} is in use by process ${process.pid}`);
    expect(stderr.trim().split('\n').length).toBe(1);
  });

  it('says that its state is damaged, and leaves it as it is', async () => {
    const edge = join(scratch, 'state', 'edge');
    const databases = (await readdir(edge, { recursive: true })).filter((name) =>
      /VectorIndex.*[0-9a-f]{64}\.sqlite$/.test(name),
    );
    expect(databases.length).toBe(1);
    const path = join(edge, databases[0] ?? '');
    await writeFile(path, 'no database');
    // a journal that was not yet written back would heal it
    for (const part of ['-wal', '-shm']) await rm(path + part, { force: true });
    const damaged = await start('--once', '--no-demo', '--corpus', join(scratch, 'docs'), ...free);
    expect(damaged.code).toBe(1);
    expect(damaged.stderr).toContain(`${path} is damaged`);
    await rm(edge, { recursive: true });
    await writeFile(join(scratch, 'state', 'secrets.json'), '{"apiKey":');
    const secrets = await start('--once', '--no-demo', '--corpus', join(scratch, 'docs'), ...free);
    expect(secrets.code).toBe(1);
    expect(secrets.stderr).toContain('secrets.json is damaged');
    await rm(join(scratch, 'state'), { recursive: true });
  });

  it('refuses a port that is taken, and a directory without a model', async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? String(address.port) : '';
    const taken = await start('--once', '--port', port, '--gateway-port', '0');
    server.close();
    expect(taken.code).toBe(1);
    expect(taken.stderr).toContain(`port ${port} is taken`);
    const corpus = join(scratch, 'docs');
    const model = await start('--once', '--corpus', corpus, '--model', scratch, ...free);
    expect(model.code).toBe(2);
    expect(model.stderr).toContain('config.json cannot be read');
  });
});
