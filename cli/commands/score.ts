// `sift-edge score`: what a model needs to encode a text, before and after learning from examples.
import { FILE_FLAG, MODEL_FLAG, SET_FLAG, SIFT_FLAGS } from './ask-flags.ts';
import type { Command, Given } from './command.ts';
import { text } from './values.ts';

const run = async (given: Given): Promise<undefined> => {
  const { UsageError } = await import('../../wire/usage.ts');
  const { console, positionals, values } = given;
  const [{ textOf, readTextFile }, fields, { readExamples }, { scoreLines }] = await Promise.all([
    import('../ask/text.ts'),
    import('../ask/fields.ts'),
    import('../ask/candidates.ts'),
    import('../ask/score-lines.ts'),
  ]);
  const picksFile = text(values, 'picks');
  const contextFile = text(values, 'contextFile');
  if (contextFile !== undefined && text(values, 'context') !== undefined) {
    throw new UsageError('give --context or --context-file, not both');
  }
  const context = contextFile === undefined ? text(values, 'context') : await readTextFile(contextFile);
  const picks =
    picksFile === undefined
      ? undefined
      : (await readExamples(picksFile)).map(({ id, text: example = '' }) => ({ id, text: example }));
  const tuned =
    picks === undefined
      ? fields.siftFields(values)
      : { strategy: 'none', ...fields.siftFields({ ...values, tune: true }) };
  if (tuned !== undefined && picks === undefined && (context ?? '').trim() === '') {
    throw new UsageError('examples are selected for what comes before the text: give --context or --context-file');
  }
  const scored = await textOf(given, positionals[0] as string | undefined, 'text');
  const model = fields.modelOf(values, false).replace(/:sift$/, '');
  const sift = tuned ?? { strategy: 'none' };
  const body = fields.withSet(
    {
      model,
      text: scored,
      ...(context === undefined ? {} : { context }),
      ...(picks === undefined ? {} : { picks }),
      sift,
    },
    values,
  );
  const answer = await given.client({ retries: 0 }).score(body, { signal: console.signal });
  console.emit(answer);
  console.say(...scoreLines(answer, tuned !== undefined));
  return undefined;
};

export const score: Command = {
  name: 'score',
  summary: 'bits per byte of a text, before and after learning from examples',
  remote: true,
  positionals: [{ name: '[text]', summary: 'what to score; “-” reads stdin' }],
  flags: [
    { flags: '--context <text>', summary: 'what comes before it, which examples are selected for' },
    { flags: '--context-file <file>', summary: 'the same from a file', values: 'file' },
    {
      flags: '--picks <file>',
      summary: 'learn from these examples, in their order, in place of a selection: what select --json prints',
      values: 'file',
    },
    MODEL_FLAG,
    ...SIFT_FLAGS,
    FILE_FLAG,
    SET_FLAG,
  ],
  examples: ['sift-edge score --corpus docs --context-file first-half.md --file second-half.md'],
  run,
};
