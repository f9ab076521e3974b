// One run of the model: windows of tokens in, padded to the longest, one unit vector a text out.
import { FaultError } from '../../wire/faults.ts';
import { normalise } from '../vectors/algebra.ts';
import type { EmbedderConfig } from './config.ts';
import { outputOf, outputsWanted, pooled } from './pooling.ts';
import type { Session } from './session.ts';

const failed = (message: string): FaultError => new FaultError({ kind: 'embedder', message });

/** Everything that a model may ask for, batch × width. */
const inputsOf = (windows: readonly number[][], width: number): Record<string, BigInt64Array<ArrayBuffer>> => {
  const size = windows.length * width;
  const ids = new BigInt64Array(size);
  const mask = new BigInt64Array(size);
  const positions = new BigInt64Array(size);
  for (const [row, tokens] of windows.entries()) {
    for (let column = 0; column < width; column++) positions[row * width + column] = BigInt(column);
    for (const [column, id] of tokens.entries()) {
      ids[row * width + column] = BigInt(id);
      mask[row * width + column] = 1n;
    }
  }
  return { input_ids: ids, attention_mask: mask, token_type_ids: new BigInt64Array(size), position_ids: positions };
};

/** The vector at length one; zeros stay zeros: they say that the model knows nothing of the text. */
const unit = (vector: Float32Array): Float32Array<ArrayBuffer> => {
  const wrong = vector.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) throw failed(`the model gave a vector with ${wrong} in it`);
  return vector.some((value) => value !== 0) ? normalise(vector) : new Float32Array(vector.length);
};

/** Throws FaultError (kind 'embedder') when the model does not fit its config. */
export const runBatch = async (
  config: EmbedderConfig,
  session: Session,
  windows: readonly number[][],
): Promise<Float32Array<ArrayBuffer>[]> => {
  const d = config.dimensions;
  const output = outputOf(config, session.outputNames);
  if (output === undefined) {
    throw failed(`the model has no output ${outputsWanted(config)}, but ${session.outputNames.join(', ')}`);
  }
  const { name, pooling } = output;
  const width = Math.max(1, ...windows.map((ids) => ids.length));
  const known = inputsOf(windows, width);
  const feeds: Record<string, BigInt64Array<ArrayBuffer>> = {};
  for (const input of session.inputNames) {
    const values = known[input];
    if (values === undefined) throw failed(`the model asks for '${input}', known: ${Object.keys(known).join(', ')}`);
    feeds[input] = values;
  }
  const { data, dims } = await session.run(feeds, [windows.length, width], name);
  const want = pooling === 'built-in' ? [windows.length, d] : [windows.length, width, d];
  if (dims.join() !== want.join()) {
    throw failed(`the model's '${name}' is ${dims.join('×')}, for '${pooling}' pooling ${want.join('×')} is needed`);
  }
  const stride = data.length / windows.length;
  return windows.map((tokens, row) => {
    if (tokens.length === 0) return new Float32Array(d); // nothing that the tokenizer knows
    const own = data.subarray(row * stride, (row + 1) * stride);
    return unit(pooling === 'built-in' ? own : pooled(own, d, tokens.length, pooling));
  });
};
