// Completion for fish.
import type { Command } from '../commands/command.ts';
import { type FlagWords, placesOf, stepsOf, takersOf } from './tree.ts';

/** fish reads backslashes inside single quotes. */
const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const takesOf = (takes: FlagWords['takes']): string => {
  if (takes === undefined) return '';
  if (takes === 'none') return ' -x';
  if (takes === 'file') return ' -r -F';
  if (takes === 'directory') return " -x -a '(__fish_complete_directories)'";
  return ` -x -a ${quoted(takes.join(' '))}`;
};

const nameOf = (name: string): string => (name.startsWith('--') ? ` -l ${name.slice(2)}` : ` -s ${name.slice(1)}`);

export const fishCompletion = (commands: readonly Command[]): string => {
  const places = placesOf(commands);
  const lines = places.flatMap(({ path, commands: below, flags, takes }) => {
    const at = `complete -c sift-edge -n ${quoted(`__sift_edge_at "${path}"`)}`;
    return [
      ...below.map(({ name, summary }) => `${at} -a ${quoted(name)} -d ${quoted(summary)}`),
      ...(takes === 'none' ? [] : [`${at}${takesOf(takes).replace(/^ -[xr]/, '')}`]),
      ...flags.map(
        (flag) => `${at}${flag.names.map(nameOf).join('')}${takesOf(flag.takes)} -d ${quoted(flag.summary)}`,
      ),
    ];
  });
  return `# fish completion of sift-edge; made by: sift-edge completion fish
function __sift_edge_at
  set -l place ''
  set -l skip 0
  for word in (commandline -opc)[2..-1]
    if test $skip = 1
      set skip 0
      continue
    end
    switch "$place:$word"
${stepsOf(places)
  .map(({ at, to }) => `      case ${quoted(at)}\n        set place ${quoted(to)}`)
  .join('\n')}
      case ${takersOf(places)
        .map(({ at }) => quoted(at))
        .join(' ')}
        set skip 1
    end
  end
  test "$place" = "$argv[1]"
end
complete -c sift-edge -f
${lines.join('\n')}
`;
};
