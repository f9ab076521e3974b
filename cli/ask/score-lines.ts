// A score for people: bits per byte before and after, and what was between them.
import type { ScoreResponse } from '../../wire/api/score.ts';
import { picksTable } from './shown.ts';

const bits = (score: ScoreResponse['before']): string => score.bits_per_byte.toFixed(4);

export const scoreLines = ({ before, after, steps, selection, use }: ScoreResponse, learnt: boolean): string[] => {
  if (!learnt) return [`${bits(before)} bits per byte (${before.bytes} bytes, ${before.tokens} tokens)`];
  const change = (100 * (after.bits_per_byte - before.bits_per_byte)) / before.bits_per_byte;
  const how = use === 'context' ? 'examples in the context' : `${steps.length} steps`;
  return [
    ...(selection === null ? [] : picksTable(selection.picks)),
    `before  ${bits(before)} bits per byte (${before.bytes} bytes, ${before.tokens} tokens)`,
    `after   ${bits(after)}  ${change > 0 ? '+' : ''}${change.toFixed(1)} %  (${how}${use === 'both' ? ' and examples in the context' : ''})`,
  ];
};
