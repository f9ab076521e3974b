// What `npm start` keeps between runs, in .sift/: two secrets made on the first start, and which corpus is indexed.
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const secretsFile = z.object({ apiKey: z.string().min(16), gatewaySecret: z.string().min(32) });
export type Secrets = z.output<typeof secretsFile>;

const readJson = async <Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema> | undefined> => {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined; // absent or damaged: made anew
  }
};

/** The key and the gateway's secret of this checkout; readable by their owner only. */
export const loadSecrets = async (directory: string): Promise<Secrets> => {
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'secrets.json');
  const known = await readJson(path, secretsFile);
  if (known !== undefined) return known;
  const made = { apiKey: `sk-sift-${randomBytes(18).toString('hex')}`, gatewaySecret: randomBytes(32).toString('hex') };
  await writeFile(path, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 });
  return made;
};

const indexedFile = z.object({ corpus: z.string(), fingerprint: z.string(), examples: z.int() });
export type Indexed = z.output<typeof indexedFile>;

const indexedPath = (directory: string, corpus: string) => join(directory, `indexed-${corpus}.json`);

export const loadIndexed = (directory: string, corpus: string): Promise<Indexed | undefined> =>
  readJson(indexedPath(directory, corpus), indexedFile);

export const saveIndexed = (directory: string, indexed: Indexed): Promise<void> =>
  writeFile(indexedPath(directory, indexed.corpus), `${JSON.stringify(indexed)}\n`);
