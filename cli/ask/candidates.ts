// Where a selection takes its examples from: corpora of the edge, or a file of the caller's own.
import { UsageError } from '../../wire/usage.ts';
import { readTextFile } from './text.ts';

/** An array or NDJSON. Picks of `select --json` are taken as they are; other members of a line are left out. */
export const readExamples = async (
  path: string,
): Promise<{ id: string; text?: string; vector?: string | number[] }[]> => {
  const whole = await readTextFile(path);
  const lines = whole.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [{ line, number: i + 1 }]));
  const examples = lines.flatMap(({ line, number }) => {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw new UsageError(`${path} line ${number} is not JSON`);
    }
    if (typeof value === 'object' && value !== null && 'selection' in value) return [];
    const example = typeof value === 'object' && value !== null && 'pick' in value ? value.pick : value;
    if (typeof example !== 'object' || example === null) throw new UsageError(`${path} line ${number} is no object`);
    const { id = `line-${number}`, text, vector } = example as Record<string, unknown>;
    if (typeof id !== 'string' || (typeof text !== 'string' && vector == null)) {
      throw new UsageError(`${path} line ${number} has no "text" and no "vector"`);
    }
    return [
      {
        id,
        ...(typeof text === 'string' ? { text } : {}),
        ...(vector == null ? {} : { vector: vector as string | number[] }),
      },
    ];
  });
  if (examples.length === 0) throw new UsageError(`${path} holds no example`);
  return examples;
};

export const sourceOf = async (
  corpora: readonly string[],
  file: string | undefined,
): Promise<{ corpus?: string; corpora?: string[]; candidates?: { id: string; text?: string }[] }> => {
  if (file !== undefined && corpora.length > 0) throw new UsageError('give --corpus or --candidates, not both');
  if (file !== undefined) return { candidates: await readExamples(file) };
  const [corpus] = corpora;
  if (corpus === undefined) throw new UsageError('give --corpus NAME, or --candidates FILE');
  return corpora.length === 1 ? { corpus } : { corpora: [...corpora] };
};
