// `node pool.mjs`: a selection in rounds from anything that answers with the nearest of a vector.
import { selectFrom } from 'sift-edge/pool';

const examples = [
  { id: 'a', vector: [1, 0, 0], text: 'what the prompt asks' },
  { id: 'b', vector: [1, 0, 0], text: 'the same again' },
  { id: 'c', vector: [0, 1, 0], text: 'what else it asks' },
];
const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const index = {
  query: async (vector, topK) =>
    examples.toSorted((one, other) => dot(other.vector, vector) - dot(one.vector, vector)).slice(0, topK),
};
const { picks, pool } = await selectFrom(index, { prompt: [0.8, 0.6, 0], n: 2 });
console.log(picks.map(({ match, copies }) => `${match.text} (+${copies})`).join('\n'), `\n${pool.queries} queries`);
