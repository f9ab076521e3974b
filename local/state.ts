// What `npm start` keeps between runs, in .sift/: two secrets made on the first start, which examples it indexed itself, and
// what it measured of models that say nothing of their tuning themselves.
// A damaged file of secrets is an error, because new secrets lock every client out. A damaged index file is not: the
// examples are uploaded again, and the edge finds those that it has; nor is a damaged probe, which is made again.
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { MachineError } from '../wire/usage.ts';

/** The file's text; undefined when there is no such file. */
const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new MachineError(`${path} cannot be read: ${message}`);
  }
};

const parse = <Schema extends z.ZodType>(text: string, schema: Schema): z.output<Schema> | undefined => {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
};

/** In one step: whoever reads sees the old text or the new one, also after a crash. */
const replace = async (path: string, text: string, mode: number): Promise<void> => {
  const next = `${path}.${process.pid}.new`;
  await writeFile(next, text, { mode });
  await rename(next, path);
};

const secretsFile = z.object({ apiKey: z.string().min(16), gatewaySecret: z.string().min(32) });
export type Secrets = z.output<typeof secretsFile>;

/** The key and the gateway's secret of this checkout; readable by their owner only. */
export const loadSecrets = async (directory: string): Promise<Secrets> => {
  const path = join(directory, 'secrets.json');
  const text = await readIfThere(path);
  if (text !== undefined) {
    const known = parse(text, secretsFile);
    if (known !== undefined) return known;
    throw new MachineError(
      `${path} is damaged: it must be {"apiKey":"16 characters or more","gatewaySecret":"32 characters or more"}. ` +
        'Repair it, or delete it to have new secrets made; callers then need the new key',
    );
  }
  const made = { apiKey: `sk-sift-${randomBytes(18).toString('hex')}`, gatewaySecret: randomBytes(32).toString('hex') };
  await replace(path, `${JSON.stringify(made, null, 2)}\n`, 0o600);
  return made;
};

const indexedFile = z.object({
  corpus: z.string(),
  /** How examples were cut and embedded; of another method none counts as indexed. */
  method: z.string(),
  /** Ids of the examples that npm start uploaded, with a hash of each. Whatever else a corpus holds is a caller's own. */
  examples: z.record(z.string(), z.string()),
});
export type Indexed = z.output<typeof indexedFile>;

const indexedPath = (directory: string, corpus: string) => join(directory, `indexed-${corpus}.json`);

export const loadIndexed = async (directory: string, corpus: string): Promise<Indexed | undefined> => {
  const text = await readIfThere(indexedPath(directory, corpus));
  return text === undefined ? undefined : parse(text, indexedFile);
};

export const saveIndexed = (directory: string, indexed: Indexed): Promise<void> =>
  replace(indexedPath(directory, indexed.corpus), `${JSON.stringify(indexed)}\n`, 0o644);

const probeFile = z.object({
  date: z.string(),
  /** How many documents all rates were tried on; 0 when none was finished in time. */
  documents: z.int().min(0),
  /** Absent: nothing was found that is better than the rule by size. */
  chosen: z.object({ method: z.enum(['full', 'lora']), learning_rate: z.number() }).optional(),
  table: z.array(
    z.object({
      method: z.enum(['full', 'lora']),
      learning_rate: z.number(),
      saved: z.number().nullable(),
      standard_error: z.number().nullable(),
      worse: z.int(),
    }),
  ),
});
export type Probe = z.output<typeof probeFile>;

/** What a probe is of: a model, and a way of tuning it. */
export interface ProbeKey {
  readonly fingerprint: string;
  readonly method: 'full' | 'lora';
  /** Of LoRA. */
  readonly rank: number;
}

const probePath = (directory: string, { fingerprint, method, rank }: ProbeKey): string =>
  join(directory, `probe-${fingerprint}-${method}${method === 'lora' ? `-${rank}` : ''}.json`);

export const loadProbe = async (directory: string, key: ProbeKey): Promise<Probe | undefined> => {
  const text = await readIfThere(probePath(directory, key));
  return text === undefined ? undefined : parse(text, probeFile);
};

export const saveProbe = (directory: string, key: ProbeKey, probe: Probe): Promise<void> =>
  replace(probePath(directory, key), `${JSON.stringify(probe, null, 2)}\n`, 0o644);
