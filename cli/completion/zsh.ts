// Completion for zsh, for a directory of $fpath or to be sourced.
import type { Command } from '../commands/command.ts';
import { type Place, placesOf, quoted } from './tree.ts';
import { behindFlag, walked } from './walk.ts';

const reply = (takes: Place['takes']): string => {
  if (takes === 'file') return '_files';
  if (takes === 'directory') return '_files -/';
  return takes === 'none' ? ':' : `compadd -- ${takes.map(quoted).join(' ')}`;
};

/** NAME:SUMMARY, as _describe reads it. */
const described = (name: string, summary: string): string => quoted(`${name.replaceAll(':', '\\:')}:${summary}`);

const flagsOf = ({ flags }: Place): string =>
  flags.flatMap(({ names, summary }) => names.map((name) => described(name, summary))).join(' ');

export const zshCompletion = (commands: readonly Command[]): string => {
  const places = placesOf(commands);
  return `#compdef sift-edge
# zsh completion of sift-edge; made by: sift-edge completion zsh
_sift_edge() {
  local cur="\${words[CURRENT]}" prev="\${words[CURRENT-1]}" place='' word
  local -a found
  integer i skip=0
  for (( i = 2; i < CURRENT; i++ )); do
    word="\${words[i]}"
${walked(places)}
  done
${behindFlag(places, reply)}
  case "$place:$cur" in
${places.map((place) => `    ${quoted(`${place.path}:-`)}*) found=(${flagsOf(place)}); _describe -o flag found ;;`).join('\n')}
${places
  .map(({ path, commands: below, takes }) => {
    const names = below.map(({ name, summary }) => described(name, summary));
    const words = names.length > 0 ? `found=(${names.join(' ')}); _describe command found` : reply(takes);
    return `    ${quoted(`${path}:`)}*) ${words} ;;`;
  })
  .join('\n')}
  esac
}
if [ "\${funcstack[1]}" = _sift_edge ]; then _sift_edge "$@"; else compdef _sift_edge sift-edge; fi
`;
};
