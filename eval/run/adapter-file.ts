// A LoRA on disk: its factors as safetensors, and what it was made of as the file's metadata. Written under another name
// first and renamed, so that a file that is there is whole.
import { mkdir, open, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readSafetensors } from '../../gateway/backends/embedded/model/safetensors.ts';
import type { Adapter } from '../../gateway/backends/embedded/weights.ts';

export type Metadata = Readonly<Record<string, string>>;

export interface StoredAdapter {
  readonly adapter: Adapter;
  readonly metadata: Metadata;
}

/** A is [rank,in], B is [out,rank]. */
const shapeOf = (name: string, { length }: Float32Array, rank: number): [number, number] =>
  name.includes('lora_A') ? [rank, length / rank] : [length / rank, rank];

export const writeAdapter = async (path: string, { adapter, metadata }: StoredAdapter, rank: number): Promise<void> => {
  let offset = 0;
  const entries = Array.from(adapter, ([name, data]) => {
    const from = offset;
    offset += data.byteLength;
    return [name, { dtype: 'F32', shape: shapeOf(name, data, rank), data_offsets: [from, offset] }] as const;
  });
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  // data begins at a multiple of eight bytes, as the format recommends
  const header = Buffer.from(json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const data = Array.from(adapter.values(), ({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  );
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.part`, Buffer.concat([length, header, ...data]));
  await rename(`${path}.part`, path);
};

const readMetadata = async (path: string): Promise<Metadata> => {
  const file = await open(path);
  try {
    const length = Buffer.alloc(8);
    await file.read(length, 0, 8, 0);
    const header = Buffer.alloc(Number(length.readBigUInt64LE()));
    await file.read(header, 0, header.length, 8);
    const { __metadata__ = {} } = JSON.parse(header.toString('utf8')) as { __metadata__?: Metadata }; // written above
    return __metadata__;
  } finally {
    await file.close();
  }
};

/** undefined: there is no such file. Throws an Error that names the file where it is no adapter. */
export const readAdapter = async (path: string): Promise<StoredAdapter | undefined> => {
  const there = await stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
  if (!there) return undefined;
  const tensors = await readSafetensors(path); // checks the header, which the metadata is read from next
  const adapter = new Map(Array.from(tensors, ([name, { data }]) => [name, data]));
  return { adapter, metadata: await readMetadata(path) };
};
