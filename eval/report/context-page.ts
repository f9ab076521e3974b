// docs/study/context.md, from eval/results/modes-*.json: the picks of one selection tuned on, in the context, or both. The
// conclusions in front are a person's (eval/context-findings.md).
import type { GuardStudy } from '../figures/guard.ts';
import type { ModeTable } from '../figures/modes.ts';
import { guardTable, modesByDomain, modesTable } from './modes-tables.ts';
import { markdownOf } from './render.ts';

export interface ModesJson {
  readonly date: string;
  readonly machine: string;
  /** The model's directory, and what it is called on the page. */
  readonly name: string;
  readonly title: string;
  /** First half of the SHA-256 of the weights. */
  readonly weights: string;
  readonly parameters: number;
  readonly contextTokens: number;
  readonly embedder: string;
  /** Examples of the corpus. */
  readonly examples: number;
  readonly method: 'full' | 'lora';
  readonly rank: number;
  readonly learningRate: number;
  readonly runs: number;
  readonly planned: number;
  /** A table is absent while no prompt has all its runs. */
  readonly main: ModeTable;
  readonly tuned: ModeTable;
  readonly prompt: ModeTable;
  readonly copies: ModeTable;
  readonly long: ModeTable;
  readonly guard: Readonly<Partial<Record<'full' | 'lora', GuardStudy>>>;
}

const number = (value: number): string => value.toLocaleString('en-US');

const shownWith = (table: ModeTable, text: (table: ModeTable) => string): string[] =>
  table.prompts === 0 ? [] : [text(table)];

const ofModel = (json: ModesJson): string => {
  const { method, rank, learningRate, main, tuned: byTwo, prompt, copies, long } = json;
  const tuned = `${method === 'lora' ? `LoRA of rank ${rank}` : 'full fine-tuning'} at its default rate of ${learningRate}`;
  return [
    `## ${json.title}`,
    `${number(json.parameters)} parameters, a context of ${number(json.contextTokens)} tokens; ${tuned}. ` +
      `${json.runs} of ${json.planned} planned runs are done (${json.date}, ${json.machine}; weights \`${json.weights.slice(0, 12)}\`; ` +
      `${number(json.examples)} examples, embedder ${json.embedder}).`,
    `![Bits per byte over arithmetic](../../eval/results/modes-${json.name}.svg)`,
    ...shownWith(main, (table) =>
      markdownOf(
        modesTable('main', `The continuation, ${table.prompts} prompts, ${table.domains.length} domains`, table),
      ),
    ),
    ...shownWith(main, (table) => markdownOf(modesByDomain('domains', 'The same by domain, bits per byte', table))),
    ...shownWith(byTwo, (table) =>
      markdownOf(modesTable('tuned', `Tuned on the picks of NN and of SIFT, ${table.prompts} prompts`, table)),
    ),
    ...shownWith(prompt, (table) =>
      markdownOf(modesTable('prompt', `The prompt’s own text (the paper’s score), ${table.prompts} prompts`, table)),
    ),
    ...shownWith(copies, (table) =>
      markdownOf(
        modesTable(
          'copies',
          `Ten picks in the context where the corpus holds every example five times, ${table.prompts} prompts`,
          table,
        ),
      ),
    ),
    ...shownWith(long, (table) => markdownOf(modesTable('long', `Longer runs, ${table.prompts} prompts`, table))),
    ...Object.entries(json.guard).map(([of, guard]) =>
      markdownOf(guardTable(of === 'lora' ? 'LoRA' : 'full fine-tuning', guard)),
    ),
  ].join('\n\n');
};

export const contextPage = (
  models: readonly ModesJson[],
  findings: string,
): string => `# Tuning, examples in the context, or both

The same picks, used in each way that \`sift.use\` offers. Less is better. A prompt is the first 800 characters of a document, the continuation the next 800; neither the document nor a near copy of it is in the corpus, nor may an example hold a longer part of either text. Means are over domains, differences paired, intervals 95 % bootstrap intervals over prompts. Written by \`node eval/modes.ts\` from eval/results/modes-*.json; only the conclusions are a person’s (eval/context-findings.md).

${findings.trim()}

${models.map(ofModel).join('\n\n')}

## How costs are counted

Tokens read are those of the prompt and of the examples before it; the continuation is read to measure it and is no cost of a request. Operations are multiplications and additions before the first token: two a parameter and token for a forward pass, twice that with LoRA’s backward pass and three times with full fine-tuning’s, and causal attention’s share by the square of the length. Optimiser and selection are not counted (selection takes milliseconds). Operations say what a well-fed machine would need; on a small one, reading a long context and many short steps differ in how well they use it.
`;
