// The fixed parts of docs/study.md: how the study was made, and what limits its conclusions.
import { STRIDE } from '../../corpus/chunk.ts';
import { HALF } from '../material/prompts.ts';
import { LONG_RUN, SHINGLE, TWIN_SHARE } from '../material/twins.ts';
import { DEGREE, LAMBDA, LORA_RANK, REPEAT, STEPS } from '../run/grid.ts';
import type { About } from './about.ts';

const SCORED = {
  prompt: 'the prompt’s own text, given nothing, as in the paper',
  continuation: `the ${HALF} characters that follow the prompt, given the prompt, as the product is used`,
} as const;

export const method = (about: About): string => `## Method

- **Documents**: ${about.source}. ${about.documents} documents make a corpus of ${about.examples} examples, cut as \`npm start\` cuts them: some 700 characters each, at lines, one beginning every ${STRIDE} characters.
- **Prompts**: ${about.prompts} documents kept out of the corpus, drawn evenly by the hash of their path, at most a fifth of a domain from one package: ${about.domains}.
- **What is embedded**: the first ${HALF} characters of the document, up to the end of a line, read from their end as the product does; and every example from its beginning.
- **What is tuned on**: the picks, in the order of the selection, one gradient step each (Adam, β 0.9 and 0.999, no decay), from the base weights for every prompt. A repeated pick is a second step. Full fine-tuning unless said otherwise; LoRA has rank ${LORA_RANK}.
- **What is scored**: bits per byte of ${SCORED[about.scored]}; under “the other text scored”, of ${SCORED[about.scored === 'prompt' ? 'continuation' : 'prompt']}.
- **No twins**: a prompt's own document is never in the corpus, nor is a document with more than ${100 * TWIN_SHARE} % of its ${SHINGLE}-word shingles in common with it, either way. For each prompt, examples that hold ${LONG_RUN} words in a row of its scored text are hidden. Other files of the same package stay in, as in any real corpus; the table without them is below. The corpus keeps its own near-duplicates, but for CommonJS forms of files that are there as ES modules, and declarations of single module systems, which are in where the table says so.
- **Strategies**: \`nn\` is the index's answer, as in the paper; \`nn distinct\` the product's, where copies collapse; \`nn-f\` the nearest example N times; \`mmr\`, \`uncertainty\` (largest posterior variance), \`hullft\` (arXiv 2605.30337, as far as its abstract fixes it) and \`random of 200\` choose from the 200 nearest; \`random\` from the whole corpus. SIFT is the product's kernel on the product's pool (three rounds of 50), of degree ${DEGREE}, λ = ${LAMBDA} and ${REPEAT ? 'repeats allowed' : 'no example picked twice'} unless its name says otherwise; \`the paper’s λ\` is degree 1, λ = 0.01, with repeats; \`inner product\` degree 1, λ = 10, without. A run of 50 steps gives all smaller N, since picks are made one by one; only HullFT is run for each N.
- **Learning rates**: the best of a grid for each strategy, on ${about.tuning} other prompts, by their continuation after ${STEPS} steps; SIFT’s kernel was chosen there too.
- **Model**: ${about.modelName}, weights ${about.model}; embedder ${about.embedder}. Results belong to the fingerprint ${about.fingerprint} of weights, embedder and corpus.
- **Machine**: ${about.machine}. ${about.date}.
`;

export const THREATS = `## Threats to validity

- Prompts are beginnings of files of software packages: code, its documentation and manuals.
- The model is small. A larger one knows more beforehand, and gains less or otherwise.
- One seed: a run is deterministic given its picks, so intervals hold over prompts, not over training noise.
- Domains are few and chosen; the mean over them is of these domains.
- A run of 50 steps has one pool, gathered for 50 picks; the product gathers a pool for the n it is asked for.
- Learning rates come from a grid of three or four, at ten steps; at other N, and for the other text, another rate may be better.
- Overlapping examples were found better, and the degree chosen, on other prompts of the same packages and domains.
- The table of stopping rules shows all runs; only the rule named under the targets was chosen on other runs than it is judged on.
- Packages that this repository installs were refused from the model's training set, but packages copy from each other.
- The time of a step was measured while two tuning runs shared the machine's cores.
`;
