// `bun kernel.mjs`: the second candidate is a copy of the first, so that the third adds more.
import { select } from 'sift-edge/kernel';

const candidates = [
  [1, 0],
  [1, 0],
  [0, 1],
];
const picks = await select({ prompt: [1, 0.9], candidates, n: 2 });
console.log(picks.map(({ index, explained }) => `${index} ${explained?.toFixed(2)}`).join('\n'));
