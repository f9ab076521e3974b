// The fixed parts of docs/study/results.md: how the study was made, and what limits its conclusions.
import { STRIDE } from '../../corpus/chunk.ts';
import { HALF } from '../material/prompts.ts';
import { LONG_RUN, SHINGLE, TWIN_SHARE } from '../material/twins.ts';
import { DEGREE, LAMBDA, LORA_RANK, REPEAT, STEPS } from '../run/grid.ts';
import type { About } from './about.ts';

const SCORED = {
  prompt: 'the prompt’s own text, without context, as in the paper',
  continuation: `the ${HALF} characters that follow the prompt, with the prompt as context, as the product is used`,
} as const;

export const method = (about: About): string => `## Method

- **Documents**: ${about.source}. ${about.documents} documents make a corpus of ${about.examples} examples, cut as \`npm start\` cuts them: some 700 characters each, at line ends, with a new one about every ${STRIDE} characters.
- **Prompts**: the beginnings of ${about.prompts} documents that are kept out of the corpus, drawn by the hash of their path, at most a fifth of a domain from one package: ${about.domains}.
- **What is embedded**: the prompt, which is the first ${HALF} characters of its document or less, up to the end of a line; where it is too long for the embedder its end is used, as in the product. Of every example the beginning.
- **What is tuned on**: the picks, in the order of the selection, one gradient step each (Adam, β 0.9 and 0.999, no decay), from the base weights for every prompt. A repeated pick is a further step. Full fine-tuning unless another method is named; LoRA has rank ${LORA_RANK}.
- **What is scored**: bits per byte of ${SCORED[about.scored]}; under “The other text scored”, of ${SCORED[about.scored === 'prompt' ? 'continuation' : 'prompt']}.
- **No twins**: a prompt's own document is never in the corpus, nor is a document that shares more than ${100 * TWIN_SHARE} % of its ${SHINGLE}-word runs with it, or the reverse. For each prompt, examples that contain ${LONG_RUN} consecutive words of its scored text are hidden. Other files of the same package stay in, as in any real corpus; a table below shows the results without them. The corpus keeps its own near-duplicates, except CommonJS forms of files that are there as ES modules, and declarations for single module systems, which are included only where a table says so.
- **Strategies**: \`nn\` takes the N nearest as the index returns them, as in the paper; \`nn distinct\` takes copies once, as the product does; \`nn-f\` takes the nearest example N times; \`mmr\`, \`uncertainty\` (largest posterior variance), \`hullft\` (arXiv 2605.30337, as far as its abstract describes it) and \`random of 200\` choose from the 200 nearest; \`random\` from the whole corpus. \`sift\` is the product's kernel on the product's pool (three rounds of 50) with degree ${DEGREE}, λ = ${LAMBDA} and ${REPEAT ? 'repeats allowed' : 'no example picked twice'}, unless its name says otherwise; \`the paper’s λ\` is degree 1, λ = 0.01, with repeats; \`inner product\` degree 1, λ = 10, without. A run of 50 steps gives the figures of all smaller N, since picks are made one by one; only HullFT is run for each N.
- **Learning rates**: the best of a grid for each strategy, on ${about.tuning} other prompts (the tuning prompts), by their continuation after ${STEPS} steps; SIFT’s kernel was chosen there too.
- **Model**: ${about.modelName}, weights ${about.model}; embedder ${about.embedder}. Results belong to the fingerprint ${about.fingerprint} of weights, embedder and corpus.
- **Machine**: ${about.machine}. ${about.date}.
`;

export const THREATS = `## Threats to validity

- All text is from software packages: code, its documentation and manuals. Prompts are beginnings of files.
- The model is small. A larger one knows more beforehand and may gain less, or from other examples.
- One seed: a run is deterministic given its picks, so intervals describe the variation over prompts, not over training noise.
- The domains are few and were chosen, not sampled; the mean holds for these domains.
- A run of 50 steps has one pool, gathered for 50 picks; the product gathers a pool for the n of the request.
- Learning rates were chosen from three or four values, at ten steps; at other N, and for the other text, another rate may be better.
- Overlap and degree were chosen on other prompts, but of the same packages and domains.
- The tables of stopping rules are of all runs; only the rule named under the targets was chosen on one half of the runs and evaluated on the other.
- Packages that this repository installs were excluded from the model's training set, but packages copy from each other.
- Step times were measured while two tuning runs shared the machine's cores.
- The held-out documents are fetched from package registries, which move on: a later run has other versions of some packages, and its figures will differ somewhat (training/README.md).
`;
