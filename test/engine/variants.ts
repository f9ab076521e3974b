// Checkpoints that differ from the golden ones in one thing, written to a temporary directory: so that the repository
// holds each model once.
import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tokenizer } from '../../tokenizer/index.ts';

export const golden = (name: string): string => fileURLToPath(new URL(`golden/${name}`, import.meta.url));

/** A copy of a golden checkpoint, each of the named JSON files changed. */
export const variant = async (
  name: string,
  changes: Readonly<Record<string, (json: Record<string, unknown>) => unknown>> = {},
): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), `sift-${name}-`));
  await cp(golden(name), directory, { recursive: true });
  for (const [file, change] of Object.entries(changes)) {
    const path = join(directory, file);
    const before = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify(change(before)));
  }
  return directory;
};

interface Header {
  [name: string]: { dtype: string; shape: readonly number[]; data_offsets: readonly [number, number] };
}

/** Rewrites a checkpoint's weights: another header, and bytes after the others. */
const rewrite = async (
  directory: string,
  change: (header: Header, end: number) => Header,
  bytes: Uint8Array = new Uint8Array(),
): Promise<void> => {
  const path = join(directory, 'model.safetensors');
  const file = await readFile(path);
  const length = Number(file.readBigUInt64LE(0));
  const data = file.subarray(8 + length);
  const head = Buffer.from(
    JSON.stringify(change(JSON.parse(file.subarray(8, 8 + length).toString('utf8')), data.length)),
  );
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(head.length));
  await writeFile(path, Buffer.concat([size, head, data, bytes]));
};

/** Adds a tensor to a checkpoint's weights, of any type; without a shape, a row of as many numbers as the type has. */
export const addTensor = (
  directory: string,
  name: string,
  dtype: string,
  bytes: Uint8Array,
  shape: readonly number[] = [dtype === 'F32' ? bytes.length / 4 : bytes.length],
): Promise<void> =>
  rewrite(
    directory,
    (header, end) => ({ ...header, [name]: { dtype, shape, data_offsets: [end, end + bytes.length] } }),
    bytes,
  );

export const renameTensor = (directory: string, before: string, after: string): Promise<void> =>
  rewrite(directory, (header) =>
    Object.fromEntries(Object.entries(header).map(([name, entry]) => [name === before ? after : name, entry])),
  );

/** Ids as words, so that sessions, which speak text, can be given exact ids; `before` is what the template puts first. */
export const wordTokenizer = (before: readonly number[] = []): Tokenizer => {
  const decode = (ids: readonly number[]) => ids.map((id) => `${id} `).join('');
  return {
    before,
    after: [],
    specials: [],
    encode: (text) => text.split(' ').filter(Boolean).map(Number),
    decode,
    stream: () => ({ push: (id) => ({ text: decode([id]), special: '' }), end: () => '' }),
    bytesOf: (id) => Buffer.from(decode([id])),
    byteLengths: (ids) => ids.map((id) => ` ${id}`.length),
  };
};

interface TokenizerJson {
  added_tokens: Record<string, unknown>[];
}

/** The checkpoints that the reported cases name, beside those in golden/. */
export const named: Readonly<Record<string, () => Promise<string>>> = {
  spm: async () => golden('spm'),
  chat: async () => golden('chat'),
  /** A buffer of integers beside the weights, as older checkpoints have it. */
  async i64() {
    const directory = await variant('chat');
    await addTensor(directory, 'model.rotary_emb.position_ids', 'I64', new Uint8Array(64).fill(1));
    return directory;
  },
  /** A token whose id has no row in the embeddings. */
  oov: () =>
    variant('chat', {
      'tokenizer.json': (json) => {
        const { added_tokens } = json as unknown as TokenizerJson;
        return {
          ...json,
          added_tokens: [...added_tokens, { ...added_tokens[0], id: 330, content: '<tool>', special: false }],
        };
      },
    }),
};
