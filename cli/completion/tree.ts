// The table of commands as a shell's completion needs it: for every place of the command line, what may come next.
import type { Command, Flag } from '../commands/command.ts';
import { flagsOf } from '../program.ts';

type Kind = readonly string[] | 'file' | 'directory' | 'none';

export interface FlagWords {
  /** `--model`, `-v`. */
  readonly names: readonly string[];
  readonly summary: string;
  /** Undefined: it takes no value; `none`: one that no shell can guess. */
  readonly takes: Kind | undefined;
}

export interface Place {
  /** `corpora/show`; empty at the start. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly flags: readonly FlagWords[];
  /** What stands there without a flag. */
  readonly takes: Kind;
}

const HELP: FlagWords = { names: ['-h', '--help'], summary: 'show this help', takes: undefined };

/** `-v, --verbose`, `--n <count>`. */
export const flagWords = ({ flags, summary, values }: Flag): FlagWords => {
  const names = flags.split(/[ ,|]+/).filter((word) => word.startsWith('-'));
  return { names, summary, takes: /[<[]/.test(flags) ? (values ?? 'none') : undefined };
};

const placeOf = (path: string, command: Command): Place => {
  const [positional] = command.positionals ?? [];
  return {
    path,
    commands: (command.subcommands ?? []).map(({ name, summary }) => ({ name, summary })),
    flags: [...flagsOf(command).map(flagWords), ...(command.raw === true ? [] : [HELP])],
    takes: positional?.values ?? (command.raw === true ? 'file' : 'none'),
  };
};

/** All places, a command before its subcommands. */
export const placesOf = (commands: readonly Command[]): readonly Place[] => {
  const below = (path: string, command: Command): Place[] => [
    placeOf(path, command),
    ...(command.subcommands ?? []).flatMap((one) => below(`${path}/${one.name}`, one)),
  ];
  const start: Place = {
    path: '',
    commands: commands.map(({ name, summary }) => ({ name, summary })),
    flags: [HELP, { names: ['-V', '--version'], summary: 'show the version', takes: undefined }],
    takes: 'none',
  };
  return [start, ...commands.flatMap((command) => below(command.name, command))];
};

/** For the shell: which word leads from a place to another one. */
export const stepsOf = (places: readonly Place[]): { readonly at: string; readonly to: string }[] =>
  places.flatMap(({ path, commands }) =>
    commands.map(({ name }) => ({ at: `${path}:${name}`, to: path === '' ? name : `${path}/${name}` })),
  );

/** PLACE:FLAG of every flag that takes a value, by what it takes. */
export const takersOf = (places: readonly Place[]): { readonly at: string; readonly takes: Kind }[] =>
  places.flatMap(({ path, flags }) =>
    flags.flatMap(({ names, takes }) =>
      takes === undefined ? [] : names.map((name) => ({ at: `${path}:${name}`, takes })),
    ),
  );

/** In single quotes, as every shell here reads them. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
