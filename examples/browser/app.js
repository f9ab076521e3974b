import { createClient } from 'sift-edge/client';
import { select } from 'sift-edge/kernel';

const say = (id, text) => {
  document.getElementById(id).textContent = text;
};

const picks = await select({
  prompt: [1, 0.9],
  candidates: [
    [1, 0],
    [1, 0],
    [0, 1],
  ],
  n: 2,
});
say('kernel', picks.map(({ index }) => index).join());

document.getElementById('ask').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { url, key, corpus, prompt } = Object.fromEntries(new FormData(event.target));
  const sift = createClient({ baseURL: url, key });
  const asked = sift.select({ corpus, input: prompt, n: 3 });
  say('edge', await asked.then(({ selection }) => selection.picks.map(({ id }) => id).join(), String));
});
