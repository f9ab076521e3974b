// What bash and zsh read alike: the loop's body that finds at which place of the command line the cursor is, and what a flag
// before the cursor takes.
import { type Place, quoted, stepsOf, takersOf } from './tree.ts';

/** `case`s of the loop over the words so far: `place` is where they lead, `skip` whether the next is a flag's value. */
export const walked = (places: readonly Place[]): string => `    if ((skip)); then skip=0; continue; fi
    case "$place:$word" in
${stepsOf(places)
  .map(({ at, to }) => `      ${quoted(at)}) place=${quoted(to)} ;;`)
  .join('\n')}
      ${takersOf(places)
        .map(({ at }) => quoted(at))
        .join('|')}) skip=1 ;;
    esac`;

/** Behind a flag that takes a value: `reply` is how the shell is given what there may be. */
export const behindFlag = (
  places: readonly Place[],
  reply: (takes: Place['takes']) => string,
): string => `  if ((skip)); then
    case "$place:$prev" in
${takersOf(places)
  .filter(({ takes }) => takes !== 'none')
  .map(({ at, takes }) => `      ${quoted(at)}) ${reply(takes)} ;;`)
  .join('\n')}
    esac
    return
  fi`;
