// `sift-edge complete`: a text that goes on.
import { FILE_FLAG, MODEL_FLAG, maxTokens, SAMPLING_FLAGS, SET_FLAG, SIFT_FLAGS, VERBOSE_FLAG } from './ask-flags.ts';
import type { Command, Given } from './command.ts';
import { flag, given as only } from './values.ts';

/** OpenAI's 16, which the API has, is a line that breaks off. */
const TOKENS = 128;

const run = async (given: Given): Promise<undefined> => {
  const { console, positionals, values } = given;
  const [{ textOf }, fields, { showStream }] = await Promise.all([
    import('../ask/text.ts'),
    import('../ask/fields.ts'),
    import('../ask/stream.ts'),
  ]);
  const sift = fields.siftFields(values);
  const sampling = fields.samplingFields(values);
  const max_tokens = fields.maxTokensOf(values, TOKENS);
  const prompt = await textOf(given, positionals[0] as string | undefined, 'prompt');
  const model = fields.modelOf(values, sift !== undefined);
  const body = fields.withSet({ model, prompt, ...only({ sift, max_tokens }), ...sampling }, values);
  const events = given.client({ retries: 0 }).generate(body, { signal: console.signal });
  const samples = Number((body as { n?: unknown }).n ?? 1);
  await showStream(console, events, { verbose: flag(values, 'verbose'), samples });
  return undefined;
};

export const complete: Command = {
  name: 'complete',
  summary: 'go on with a text; with --corpus after learning from its examples',
  remote: true,
  positionals: [{ name: '[prompt]', summary: 'what to go on with; “-” reads stdin' }],
  flags: [MODEL_FLAG, ...SIFT_FLAGS, maxTokens(String(TOKENS)), ...SAMPLING_FLAGS, FILE_FLAG, VERBOSE_FLAG, SET_FLAG],
  examples: [
    'sift-edge complete --corpus docs --max-tokens 64 "To stream a response, "',
    'sift-edge complete --corpus code --file half.ts --temperature 0 > rest.ts',
  ],
  run,
};
