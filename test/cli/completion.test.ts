// The scripts that shells complete by: bash's is run in bash; zsh's and fish's where these are installed.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Command } from '../../cli/commands/command.ts';
import { COMMANDS } from '../../cli/commands/table.ts';
import { bashCompletion } from '../../cli/completion/bash.ts';
import { runTyped } from './typed.ts';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'sift-completion-'));
  await mkdir(join(scratch, 'a directory'));
  await writeFile(join(scratch, 'a file'), '');
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const shell = (name: string): boolean => {
  const there = spawnSync(name, ['--version']).status === 0;
  if (!there) process.stderr.write(`skipped: completion in ${name} (it is not installed)\n`);
  return there;
};

const script = async (name: string): Promise<string> => (await runTyped(['completion', name])).stdout;

/** What bash offers at the end of these words. */
const offered = async (words: readonly string[], commands: readonly Command[] = COMMANDS): Promise<string[]> => {
  const source = `${bashCompletion(commands)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sift_edge; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', source, 'bash', 'sift-edge', ...words], {
    cwd: scratch,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
};

describe.skipIf(!shell('bash'))('completion in bash', () => {
  it.each<[string[], string[]]>([
    [['se'], ['serve', 'select']],
    [
      ['corpora', 'del'],
      ['delete', 'delete-examples'],
    ],
    [
      ['select', '--strategy', ''],
      ['sift', 'nn', 'mmr'],
    ],
    [['select', '--strategy', 'n'], ['nn']],
    [
      ['select', '--corpus', 'docs', '--fil'],
      ['--file', '--filter'],
    ],
    // a value that is named as a command is none
    [['select', '--corpus', 'serve', '--texts', '--can'], ['--candidates']],
    [
      ['complete', '--file', 'a'],
      ['a directory', 'a file'],
    ],
    [['serve', '--corpus', 'a'], ['a directory']],
    [['select', '--n', ''], []],
    [['completion', 'z'], ['zsh']],
    [['keys', 'create', '--scope', 'r'], ['read']],
    [['no-such', 'x'], []],
  ])('offers after %j what may come', async (words, expected) => {
    expect((await offered(words)).sort()).toEqual([...expected].sort());
  });

  it('knows every command and every flag of the table', async () => {
    expect(await offered([''])).toEqual(COMMANDS.map(({ name }) => name));
    for (const command of COMMANDS.filter(({ subcommands, raw }) => subcommands === undefined && raw !== true)) {
      const flags = await offered([command.name, '--']);
      for (const { flags: typed } of command.flags ?? []) {
        expect(flags).toContain(/--[a-z-]+/.exec(typed)?.[0]);
      }
    }
  });

  it('is sourced as the command prints it, and survives quotes in the table', async () => {
    const { status, stdout } = spawnSync(
      'bash',
      ['-c', 'eval "$1"; complete -p sift-edge', 'bash', await script('bash')],
      {
        encoding: 'utf8',
      },
    );
    expect([status, stdout]).toEqual([0, 'complete -F _sift_edge sift-edge\n']);
    const odd: Command = {
      name: 'odd',
      summary: "it's $(touch broken)",
      flags: [{ flags: '--a <b>', summary: '', values: ["it's"] }],
    };
    expect(await offered(['o'], [odd])).toEqual(['odd']);
  });
});

describe.skipIf(!shell('zsh'))('completion in zsh', () => {
  it('is sourced after compinit', async () => {
    const source = 'autoload -Uz compinit; compinit -u -d "$1/dump"; eval "$2"; print -- $_comps[sift-edge]';
    const args = ['-f', '-c', source, 'zsh', scratch, await script('zsh')];
    expect(spawnSync('zsh', args, { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stdout: '_sift_edge\n',
      stderr: '',
    });
  });
});

describe.skipIf(!shell('fish'))('completion in fish', () => {
  it('offers commands, choices and flags', async () => {
    const lines = ['co', 'select --strategy ', 'corpora delete-examples --fil', 'serve --corpus a'];
    const source = `${await script('fish')}\n${lines.map((line) => `complete -C 'sift-edge ${line}'`).join('\n')}`;
    const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', source], { cwd: scratch, encoding: 'utf8' });
    expect(stderr).toBe('');
    const words = stdout.split('\n').map((line) => line.split('\t')[0]);
    expect(words).toEqual(expect.arrayContaining(['complete', 'corpora', 'sift', 'nn', 'mmr', '--filter']));
    expect(words).not.toContain('serve');
  });
});

it('prints one object with --json, and refuses another shell', async () => {
  expect((await runTyped(['completion', 'bash', '--json'])).lines).toMatchObject([{ shell: 'bash' }]);
  expect((await runTyped(['completion', 'tcsh'])).code).toBe(2);
});
