// `SIFT_SERVER=… SIFT_KEY=… node client.mjs`
import { createClient } from 'sift-edge/client';

const sift = createClient({
  baseURL: process.env.SIFT_SERVER ?? 'http://127.0.0.1:8787',
  key: process.env.SIFT_KEY ?? '',
});
await sift.ingest('example', [
  { id: 'router', text: 'The router matches the path of a request against each route in turn.' },
  { id: 'timer', text: 'The timer calls a function again after so many milliseconds.' },
]);
const prompt = 'How does a router match?';
const { selection } = await sift.select({ corpus: 'example', input: prompt, n: 1 });
console.log(selection.picks.map(({ id }) => id).join());

const asked = { model: 'base:sift', prompt, max_tokens: 8, sift: { corpus: 'example', n: 1 } };
for await (const event of sift.generate(asked)) {
  if (event.type === 'text') process.stdout.write(event.text);
}
