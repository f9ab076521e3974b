// What was asked for, and the validator of its answer: a strong ETag over everything that the answer depends on, known
// before anything is selected. The index shows a write later than the catalogue knows of it; while the last write is that
// young, an answer's ETag is one that no request can name again.
import { type SelectRequest, selectRequest } from '../../wire/api/select.ts';
import { parseAs, readCapped } from '../../wire/body.ts';
import { unwrap } from '../../wire/faults.ts';
import { MAX_BODY_BYTES, MAX_CANONICAL_BYTES } from '../../wire/limits.ts';
import { digestOf } from '../digest.ts';
import type { Env } from '../env.ts';
import { etagOf } from '../http/etag.ts';
import { wantsLines } from '../http/lines.ts';
import type { SelectedFrom } from './selection.ts';

/** To be raised with every change by which the same request may select otherwise. */
const REVISION = 1;

export interface Asked {
  readonly request: SelectRequest;
  /** Of the request as it was parsed; of a large one as it was sent, since writing a million numbers takes long. */
  readonly digest: string;
  /** Whether the picks are to be told line by line. */
  readonly lines: boolean;
}

export const readSelect = async (raw: Request): Promise<Asked> => {
  const bytes = unwrap(await readCapped(raw, MAX_BODY_BYTES));
  const request = unwrap(parseAs(bytes, selectRequest));
  return {
    request,
    digest: await digestOf(bytes.byteLength > MAX_CANONICAL_BYTES ? bytes : JSON.stringify(request)),
    lines: wantsLines(raw.headers.get('accept')),
  };
};

/** The corpora of a request by name; none where it brings its own candidates. */
export const corporaOf = ({ corpus, corpora }: SelectRequest): readonly string[] =>
  corpora ?? (corpus === undefined ? [] : [corpus]);

export const validatorOf = (
  env: Pick<Env, 'CODE_VERSION' | 'EMBEDDER' | 'AI_MODEL'>,
  tenant: string,
  { digest, lines }: Pick<Asked, 'digest' | 'lines'>,
  sources: readonly SelectedFrom[],
): Promise<string> => {
  const code = [REVISION, env.CODE_VERSION?.id, env.EMBEDDER, env.AI_MODEL];
  const corpora = sources.map(({ space, version }) => [space, version]);
  const once = sources.every(({ settled }) => settled) ? null : crypto.randomUUID();
  return etagOf([code, tenant, digest, lines, corpora, once]);
};
