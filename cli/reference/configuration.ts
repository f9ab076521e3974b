// docs/reference/configuration.md: what the Worker is given (functions/env.ts, with the values of both wrangler files) and
// what commands read from the environment (cli/environment.ts).
import { VARIABLES } from '../environment.ts';
import { cell, table, written } from './cell.ts';

export interface Sources {
  readonly env: string;
  readonly production: string;
  readonly local: string;
}

export interface Member {
  readonly name: string;
  readonly optional: boolean;
  readonly type: string;
  readonly text: string;
}

const MEMBER = /\/\*\*([\s\S]*?)\*\/\s*readonly (\w+)(\??): ([^;]+);/g;

/** Members of `interface Env`, each with its comment. */
export const membersOf = (env: string): Member[] =>
  Array.from(env.matchAll(MEMBER), ([, comment = '', name = '', mark, type = '']) => ({
    name,
    optional: mark === '?',
    type,
    text: comment.replace(/\s*\n\s*\* ?/g, ' ').trim(),
  }));

/** `NAME = VALUE` lines of `[vars]`. */
export const varsOf = (toml: string): ReadonlyMap<string, string> => {
  const part = /^\[vars\]\n([\s\S]*?)(?=^\[)/m.exec(toml)?.[1] ?? '';
  return new Map(Array.from(part.matchAll(/^(\w+) = (.*)$/gm), ([, name = '', value = '']) => [name, value]));
};

/** Set under [vars]; GATEWAYS may be a table there, which the Worker is given as a value. */
const isText = ({ type }: Member): boolean => /^(string|unknown)$|^'/.test(type);
const isSecret = ({ text }: Member): boolean => text.startsWith('Secret');
const code = (value: string | undefined): string => (value === undefined ? '' : `\`${value}\``);

export const configurationPage = ({ env, production, local }: Sources): string => {
  const members = membersOf(env);
  const vars = members.filter((member) => isText(member) && !isSecret(member));
  const [deployed, here] = [varsOf(production), varsOf(local)];
  return `${[
    '# Configuration',
    written('functions/env.ts, wrangler.toml, wrangler.local.toml and cli/environment.ts'),
    'What a deployment sets, and what commands read from the environment. [deploy.md](../deploy.md) says in which order. Flags of the commands are in their `--help`.',
    '## Variables of the edge',
    'Under `[vars]` of `wrangler.toml`; the values are those of the repository, and those of `wrangler.local.toml`, which `wrangler dev` takes without an account.',
    table(
      ['name', 'what it says', '`wrangler.toml`', '`wrangler.local.toml`'],
      vars.map((member) => [
        code(member.name),
        cell(member.text),
        code(deployed.get(member.name)),
        code(here.get(member.name)),
      ]),
    ),
    '## Secrets of the edge',
    'Made and set by `npm run deploy`, which takes those of the gateway from its environment too; by hand `npx wrangler secret put NAME`. Never in a file that is committed.',
    table(
      ['name', 'what it is'],
      members.filter(isSecret).map(({ name, text }) => [code(name), cell(text.replace(/^Secret:? ?/, ''))]),
    ),
    '## Bindings of the edge',
    table(
      ['name', 'what it holds', 'needed'],
      members
        .filter((member) => !isText(member))
        .map(({ name, text, optional }) => [code(name), cell(text), optional ? 'no' : 'yes']),
    ),
    '## Variables of the commands',
    table(
      ['name', 'read by', 'what it says', 'where it is not set'],
      VARIABLES.map(({ name, by, meaning, fallback }) => [code(name), by, cell(meaning), fallback]),
    ),
    'The GPU server reads `SIFT_GPU_KEYS`, the keys that callers must show ([its README](../../gateway/gpu/README.md)).',
  ].join('\n\n')}\n`;
};
