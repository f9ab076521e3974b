// Completion for bash 3.2 and newer.
import type { Command } from '../commands/command.ts';
import { type Place, placesOf, quoted } from './tree.ts';
import { behindFlag, walked } from './walk.ts';

type Kind = Place['takes'];

const reply = (takes: Kind): string => {
  if (takes === 'file') return '_sift_edge_files -f';
  if (takes === 'directory') return '_sift_edge_files -d';
  if (takes === 'none') return ':';
  return `_sift_edge_reply compgen -W ${quoted(takes.join(' '))} -- "$cur"`;
};

const flagNames = ({ flags }: Place): string => flags.flatMap(({ names }) => names).join(' ');

export const bashCompletion = (commands: readonly Command[]): string => {
  const places = placesOf(commands);
  return `# bash completion of sift-edge; made by: sift-edge completion bash
_sift_edge_reply() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <("$@")
}
_sift_edge_files() {
  compopt -o filenames 2>/dev/null
  _sift_edge_reply compgen "$1" -- "$cur"
}
_sift_edge() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" place='' skip=0 i word
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
${walked(places)}
  done
${behindFlag(places, reply)}
  case "$place:$cur" in
${places.map((place) => `    ${quoted(`${place.path}:-`)}*) _sift_edge_reply compgen -W ${quoted(flagNames(place))} -- "$cur" ;;`).join('\n')}
${places
  .map(({ path, commands: below, takes }) => {
    const words = below.map(({ name }) => name);
    return `    ${quoted(`${path}:`)}*) ${reply(words.length > 0 ? words : takes)} ;;`;
  })
  .join('\n')}
  esac
}
complete -F _sift_edge sift-edge
`;
};
