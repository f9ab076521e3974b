// `sift-edge chat`: a conversation, of one message or as long as somebody types.
import { FILE_FLAG, MODEL_FLAG, maxTokens, SAMPLING_FLAGS, SET_FLAG, SIFT_FLAGS, VERBOSE_FLAG } from './ask-flags.ts';
import type { Command, Given } from './command.ts';
import { flag, given as only, text } from './values.ts';

const run = async (given: Given): Promise<undefined> => {
  const { console, positionals, values } = given;
  const [{ textOrNone }, fields, { showStream }, { beginning, converse }] = await Promise.all([
    import('../ask/text.ts'),
    import('../ask/fields.ts'),
    import('../ask/stream.ts'),
    import('../ask/conversation.ts'),
  ]);
  const sift = fields.siftFields(values);
  const sampling = fields.samplingFields(values);
  const max_tokens = fields.maxTokensOf(values);
  const model = fields.modelOf(values, sift !== undefined);
  const before = await beginning(text(values, 'system'), text(values, 'messages'));
  const message = await textOrNone(given, positionals[0] as string | undefined, 'message');
  const client = given.client({ retries: 0 });
  await converse(given, before, message, async (messages) => {
    const body = fields.withSet({ model, messages: [...messages], ...only({ sift, max_tokens }), ...sampling }, values);
    const samples = Number((body as { n?: unknown }).n ?? 1);
    const events = client.generate(body, { signal: console.signal });
    return (await showStream(console, events, { verbose: flag(values, 'verbose'), samples })).text;
  });
  return undefined;
};

export const chat: Command = {
  name: 'chat',
  summary: 'talk to a model; with --corpus it learns from its examples before each answer',
  details:
    'Without a message, at a terminal, it goes on until Ctrl-D (or /exit): a line is a message, and each answer knows those\n' +
    'before. A message that is piped in is answered once.',
  remote: true,
  positionals: [{ name: '[message]', summary: 'what to say; “-” reads stdin' }],
  flags: [
    { flags: '--system <text>', summary: 'what the model is told before the conversation' },
    {
      flags: '--messages <file>',
      summary: 'a conversation to go on with: a JSON list of {"role":…,"content":…}',
      values: 'file',
    },
    MODEL_FLAG,
    ...SIFT_FLAGS,
    maxTokens('what the window leaves'),
    ...SAMPLING_FLAGS,
    FILE_FLAG,
    VERBOSE_FLAG,
    SET_FLAG,
  ],
  examples: ['sift-edge chat --corpus docs', 'sift-edge chat --corpus docs --use context "What does retry do?"'],
  run,
};
