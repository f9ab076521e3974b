// What is selected and what becomes of it, as lines for people. Texts of examples are data: control characters, which a
// terminal would obey, are shown as what they are.
import type { Restart, StepReport } from '../../wire/tune/steps.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Safe to print: newlines and tabs stay. */
export const printable = (text: string): string =>
  text.replaceAll('\r\n', '\n').replace(CONTROLS, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** On one line, of so many characters at most. */
export const onOneLine = (text: string, most: number): string => {
  const line = printable(text.slice(0, 4 * most))
    .replaceAll(/\s+/g, ' ')
    .trim();
  const characters = [...line];
  return characters.length <= most ? line : `${characters.slice(0, Math.max(0, most - 1)).join('')}…`;
};

const percent = (share: number | null): string => (share === null ? '–' : `${(100 * share).toFixed(1)} %`);

export interface ShownPick {
  readonly id: string;
  readonly similarity: number;
  readonly explained?: number | null;
  readonly copies?: number;
  readonly source?: string | null;
  readonly text?: string | null;
}

const WIDTH = 100;

/** A table: how much is explained with each pick, and what it is. */
export const picksTable = (picks: readonly ShownPick[], width = WIDTH): string[] => [
  '    #  explained  similarity  example',
  ...picks.map(({ id, similarity, explained = null, text, copies = 0 }, i) => {
    const head = `${String(i + 1).padStart(5)}  ${percent(explained).padStart(9)}  ${similarity.toFixed(3).padStart(10)}  `;
    const name = onOneLine(copies > 0 ? `${id} (+${copies} near copies)` : id, 48);
    const rest = width - head.length - name.length - 2;
    return rest < 12 || text == null ? head + name : `${head}${name}  ${onOneLine(text, rest)}`;
  }),
];

interface ShownSelection {
  readonly picks: readonly { readonly id: string; readonly similarity: number }[];
  readonly explained: number | null;
  readonly pool: { readonly size: number };
  readonly warnings: readonly string[];
}

/** What the events of a stream say of a selection and its steps, in lines; of others nothing. */
export const siftLines = (name: string, value: unknown): string[] => {
  switch (name) {
    case 'selection': {
      const { picks, explained, pool, warnings } = value as ShownSelection;
      const rest = picks.length > 3 ? ', …' : '';
      const names = picks.slice(0, 3).map(({ id, similarity }) => `${onOneLine(id, 40)} ${similarity.toFixed(3)}`);
      return [
        `selected ${picks.length} of ${pool.size}, ${percent(explained)} explained: ${names.join(', ')}${rest}`,
        ...warnings.map((warning) => `  ${printable(warning)}`),
      ];
    }
    case 'queued': {
      const { position } = value as { position: number };
      return position > 0 ? [`waiting: ${position} before`] : [];
    }
    case 'step': {
      const { index, of, loss, ms, id, reused } = value as StepReport;
      return [
        `step ${index + 1}/${of}  loss ${loss.toFixed(3)}  ${reused ? 'kept from before' : `${Math.round(ms)} ms`}  ${onOneLine(id, 48)}`,
      ];
    }
    case 'restart': {
      const { undone, reason } = value as Restart;
      return [`${undone} steps undone: ${printable(reason)}`];
    }
    case 'adapter': {
      const { reused, steps } = value as { reused: boolean; steps: number };
      return reused ? [`${steps} steps found as an earlier request made them`] : [];
    }
    case 'context': {
      const { examples, dropped, tokens } = value as { examples: number; dropped: number; tokens: number };
      return [`${examples} examples in the context, ${tokens} tokens${dropped > 0 ? `, ${dropped} did not fit` : ''}`];
    }
    case 'truncated': {
      const { dropped_tokens } = value as { dropped_tokens: number };
      return [`the prompt was too long: its first ${dropped_tokens} tokens were left out`];
    }
    default:
      return [];
  }
};
