// Weights that an ONNX model keeps beside itself (model.onnx_data): found by the names in its bytes. A whole reader of ONNX
// would be a dependency for one field; `location` is written in one way only, as a key and a value of protobuf.
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** StringStringEntryProto: key (field 1) "location", then value (field 2). */
const KEY = Buffer.from('\x0a\x08location\x12', 'latin1');

const varint = (bytes: Uint8Array, from: number): readonly [value: number, end: number] => {
  let value = 0;
  for (let i = from, scale = 1; i < bytes.length && i < from + 5; i++, scale *= 128) {
    const byte = bytes[i] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, i + 1];
  }
  return [0, from];
};

/** Names in the model's bytes, in order. */
export const externalNames = (bytes: Buffer): string[] => {
  const names = new Set<string>();
  for (let at = bytes.indexOf(KEY); at >= 0; at = bytes.indexOf(KEY, at + 1)) {
    const [length, start] = varint(bytes, at + KEY.length);
    names.add(bytes.subarray(start, start + length).toString('utf8'));
  }
  return [...names];
};

/** Rejects with a sentence when one is missing, or outside the model's directory. */
export const externalFiles = async (model: string, bytes: Buffer): Promise<{ name: string; path: string }[]> => {
  const files: { name: string; path: string }[] = [];
  for (const name of externalNames(bytes)) {
    if (!/^[\w.+-]+$/.test(name) || name === '..')
      throw new Error(`${model} keeps weights in '${name}', which is no name of a file beside it`);
    const path = join(dirname(model), name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) throw new Error(`${path} is missing: ${model} keeps weights in it`);
    files.push({ name, path });
  }
  return files;
};
