// `sift-edge corpora`: what the edge holds.
import type { CorpusOnWire } from '../../wire/api/corpora.ts';
import { CommandError } from '../exit.ts';
import type { Command, Given } from './command.ts';

const nameOf = ({ positionals: [name] }: Given): string => String(name);

const absent = (name: string): CommandError => new CommandError(`there is no corpus '${name}'`);

const described = ({ name, examples }: CorpusOnWire): string => `${name}  ${examples} examples`;

export const corpora: Command = {
  name: 'corpora',
  summary: 'list, show and delete corpora',
  subcommands: [
    {
      name: 'show',
      summary: 'one corpus',
      remote: true,
      positionals: [{ name: '<name>', summary: 'its name' }],
      async run(given) {
        const name = nameOf(given);
        const corpus = await given.client().corpus(name, { signal: given.console.signal });
        if (corpus === undefined) throw absent(name);
        given.console.say(described(corpus));
        given.console.emit(corpus);
        return undefined;
      },
    },
  ],
};
