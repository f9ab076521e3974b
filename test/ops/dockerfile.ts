// Dockerfiles and their .dockerignore as far as ours use them: instructions with their stage, and which files of the repository
// a build sees.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

export interface Instruction {
  /** Upper case. */
  readonly name: string;
  readonly text: string;
  /** Counted from 0. */
  readonly stage: number;
}

export const instructionsOf = (dockerfile: string): readonly Instruction[] => {
  const lines = dockerfile.split('\n').filter((line) => !/^\s*#/.test(line));
  let stage = -1;
  return lines
    .join('\n')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', text = ''] = /^\s*(\w+)\s+(.*)$/.exec(line) ?? [];
      if (name.toUpperCase() === 'FROM') stage += 1;
      return { name: name.toUpperCase(), text: text.replace(/\s+/g, ' ').trim(), stage };
    });
};

/** The instructions of the stage that becomes the image. */
export const finalStage = (all: readonly Instruction[]): readonly Instruction[] => {
  const last = Math.max(...all.map(({ stage }) => stage));
  return all.filter(({ stage }) => stage === last);
};

/** The one instruction of this name in the image's stage, where it is an exec form: its words. */
export const execForm = (stage: readonly Instruction[], name: string): string[] => {
  const found = stage.filter((instruction) => instruction.name === name);
  if (found.length !== 1) throw new Error(`${found.length} × ${name}`);
  return JSON.parse(found[0]?.text ?? '');
};

export interface Copy {
  /** The stage it comes from; undefined: the repository. */
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly to: string;
}

export const copiesOf = (stage: readonly Instruction[]): readonly Copy[] =>
  stage
    .filter(({ name }) => name === 'COPY')
    .map(({ text }) => {
      const words = text.split(' ').filter((word) => !word.startsWith('--chmod='));
      const from = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined;
      const to = words.pop() ?? '';
      return { from, sources: words, to };
    });

/** Whether a build with this .dockerignore sees a file: the last rule that matches it, or a folder above it, decides. */
export const visible = (ignore: string) => {
  const rules = ignore
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const pattern = line
        .replace(/^!/, '')
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replace(/\*\*\//g, '\u0001')
        .replace(/\*/g, '[^/]*')
        .replaceAll('\u0001', '(?:.*/)?');
      return { keeps: line.startsWith('!'), matches: new RegExp(`^${pattern}(?:/|$)`) };
    });
  return (path: string): boolean => rules.findLast(({ matches }) => matches.test(path))?.keeps ?? true;
};

/** The files below a path of the repository, or the file itself, that the build sees; without what git ignores anyway. */
export const filesOf = (path: string, sees: (path: string) => boolean): string[] => {
  if (!statSync(join(ROOT, path)).isDirectory()) return sees(path) ? [path] : [];
  return readdirSync(join(ROOT, path)).flatMap((name) => filesOf(`${path}/${name}`, sees));
};
