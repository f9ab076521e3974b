// `sift-edge select`: which examples teach most about a prompt.
import { FILE_FLAG, SELECTION_FLAGS, SET_FLAG } from './ask-flags.ts';
import type { Command, Given } from './command.ts';
import { flag, text, texts } from './values.ts';

const run = async (given: Given): Promise<undefined> => {
  const { console, positionals, values } = given;
  const [{ textOf }, { selectionFields, withSet }, { sourceOf }, { printable, picksTable, onOneLine }] =
    await Promise.all([
      import('../ask/text.ts'),
      import('../ask/fields.ts'),
      import('../ask/candidates.ts'),
      import('../ask/shown.ts'),
    ]);
  const from = await sourceOf(texts(values, 'corpus'), text(values, 'candidates'));
  const input = await textOf(given, positionals[0] as string | undefined, 'prompt');
  const body = withSet({ ...from, input, ...selectionFields(values) }, values);
  const call = { signal: console.signal };
  const { selection } = await given.client({ retries: 0 }).select(body, undefined, call);
  const { picks, ...rest } = selection;
  for (const pick of picks) console.emit({ pick });
  console.emit({ selection: rest });
  if (flag(values, 'texts')) {
    for (const [i, { id, source, text: whole }] of picks.entries()) {
      console.say(`# ${i + 1}  ${onOneLine(id, 80)}${source == null ? '' : `  (${onOneLine(source, 80)})`}`);
      console.say(console.terminal === true ? printable(whole ?? '') : (whole ?? ''), '');
    }
  } else if (picks.length > 0) {
    console.say(...picksTable(picks, console.terminal === true ? process.stdout.columns : undefined));
  }
  if (!console.json) {
    console.note(...selection.warnings.map((warning) => printable(warning)));
    if (picks.length === 0) console.note(`nothing was selected from a pool of ${selection.pool.size}`);
  }
  return undefined;
};

export const select: Command = {
  name: 'select',
  summary: 'show which examples teach most about a prompt',
  remote: true,
  positionals: [{ name: '[prompt]', summary: 'what to select for; “-” reads stdin' }],
  flags: [
    { flags: '--corpus <name>', summary: 'where to select from; several are selected from together', many: true },
    {
      flags: '--candidates <file>',
      summary: 'select from this file in place of a corpus: a line of JSON each, {"id":…,"text":…} or with a "vector"',
      values: 'file',
    },
    FILE_FLAG,
    ...SELECTION_FLAGS,
    { flags: '--texts', summary: 'print the examples whole' },
    SET_FLAG,
  ],
  examples: [
    'sift-edge select --corpus docs "How do I stream a response?"',
    'git diff | sift-edge select --corpus code --n 5 --json | jq -r .pick.text',
  ],
  run,
};
