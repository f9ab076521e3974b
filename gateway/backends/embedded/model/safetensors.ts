// Reads safetensors: 8 bytes of header length, a JSON header, raw little-endian data. Everything in the file is checked
// before it is believed: lengths, offsets, overlaps with the end, shapes against byte counts.

import { open } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf } from '../../../../wire/message.ts';
import { isLfsPointer, LFS_WORDS } from './refusals.ts';

/** Bytes of the largest header believed; real ones are a few hundred kilobytes at most. */
const MAX_HEADER = 50_000_000;

/** Bytes of the largest Git LFS pointer, by its specification. */
const MAX_POINTER = 1_024;

const BYTES = { F32: 4, F16: 2, BF16: 2 } as const;
type Type = keyof typeof BYTES;

const entry = z.object({
  dtype: z.string(),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});

export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const fromBf16 = (source: Uint16Array): Float32Array => {
  const bits = new Uint32Array(source.length);
  for (let i = 0; i < source.length; i++) bits[i] = (source[i] ?? 0) << 16;
  return new Float32Array(bits.buffer);
};

const decode = (type: Type, bytes: ArrayBuffer): Float32Array => {
  if (type === 'F32') return new Float32Array(bytes);
  return type === 'BF16' ? fromBf16(new Uint16Array(bytes)) : new Float32Array(new Float16Array(bytes));
};

/**
 * Tensors of one file as float32: all, or those of the given names, and then the others may be of any type. Throws an
 * Error that names the file and what is wrong.
 */
export const readSafetensors = async (
  path: string,
  names?: ReadonlySet<string>,
): Promise<Map<string, StoredTensor>> => {
  const wrong = (what: string): never => {
    throw new Error(`${path}: ${what}`);
  };
  const file = await open(path).catch((error: unknown) => wrong(messageOf(error)));
  try {
    const { size } = await file.stat();
    const read = async (at: number, length: number): Promise<ArrayBuffer> => {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await file.read(bytes, done, length - done, at + done);
        if (bytesRead === 0) wrong(`ends at byte ${at + done}, ${length - done} bytes early`);
        done += bytesRead;
      }
      return bytes.buffer;
    };
    if (size < MAX_POINTER && isLfsPointer(new Uint8Array(await read(0, size)))) wrong(LFS_WORDS);
    if (size < 8) wrong(`is ${size} bytes, too short for a safetensors file`);
    const length = Number(new DataView(await read(0, 8)).getBigUint64(0, true));
    if (length > MAX_HEADER || length > size - 8) wrong(`claims a header of ${length} bytes in a file of ${size}`);
    let header: unknown;
    try {
      header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await read(8, length)));
    } catch {
      wrong('its header is not JSON');
    }
    const parsed = z.record(z.string(), z.unknown()).safeParse(header);
    if (!parsed.success) return wrong('its header is not an object');
    const tensors = new Map<string, StoredTensor>();
    for (const [name, value] of Object.entries(parsed.data)) {
      if (name === '__metadata__' || names?.has(name) === false) continue;
      const stored = entry.safeParse(value);
      if (!stored.success) return wrong(`the header's entry for '${name}' is malformed`);
      const { dtype, shape, data_offsets } = stored.data;
      if (!(dtype in BYTES)) return wrong(`'${name}' is ${dtype}; this reads F32, F16 and BF16`);
      const type = dtype as Type;
      const count = shape.reduce((product, dim) => product * dim, 1);
      const [from, to] = data_offsets;
      if (to - from !== count * BYTES[type]) wrong(`'${name}' has ${to - from} bytes for shape [${shape}] of ${dtype}`);
      if (8 + length + to > size) wrong(`'${name}' ends at byte ${8 + length + to} of a file of ${size}`);
      tensors.set(name, { shape, data: decode(type, await read(8 + length + from, to - from)) });
    }
    return tensors;
  } finally {
    await file.close();
  }
};
