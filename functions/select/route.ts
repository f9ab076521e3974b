// POST /v1/select: the examples that most reduce the model's uncertainty about a prompt, or about each of several; as JSON,
// or line by line. Whoever names the ETag of an earlier answer hears at once when it would be the same.
import type { Context } from 'hono';
import type { SelectList } from '../../wire/api/select.ts';
import { FaultError } from '../../wire/faults.ts';
import { Stages, serverTiming } from '../../wire/stages.ts';
import type { Authenticated } from '../auth/principal.ts';
import type { CorpusInfo } from '../corpora/contract.ts';
import { checkEmbedder } from '../corpora/store.ts';
import { chooseEmbedder } from '../embedding/choose.ts';
import type { Embedder } from '../embedding/embedder.ts';
import { wireError } from '../http/errors.ts';
import { etagOf, isNamed } from '../http/etag.ts';
import { placeOf } from '../selections/route.ts';
import { type Asked, corporaOf, readSelect, validatorOf } from './asked.ts';
import { bounded } from './delivery.ts';
import { answerOf } from './keeping.ts';
import { bodyOf, selectionLines } from './lines.ts';
import { selectEach } from './many.ts';
import { candidatesFor, draftFromCorpora, draftFromSources, runFromCandidates, warned } from './run.ts';
import { completed, type Draft } from './select.ts';
import type { Selection } from './selection.ts';
import { selectedFrom, sourcesOf } from './sources.ts';

type Call = Context<Authenticated>;

const finished = (selection: Selection): Draft => ({ selection, text: async (place) => selection.picks[place]?.text });

/** What is answered of a selection: so many bytes of texts, if any are. */
const cut = ({ selection, text }: Draft, { fields, max_bytes }: Asked['request']): Draft => {
  const wantsText = fields === undefined || fields.includes('text');
  return { selection: wantsText ? bounded(selection, max_bytes) : selection, text };
};

const withTexts = (draft: Draft, { fields }: Asked['request']): Promise<Selection> | Selection =>
  fields === undefined || fields.includes('text') ? completed(draft) : draft.selection;

const etagFor = (c: Call, asked: Asked, { sources = [] }: Pick<Selection, 'sources'>): Promise<string> =>
  validatorOf(c.env, c.var.principal.tenant, asked, sources);

const headersOf = (etag: string, stages: Stages, type: string): Record<string, string> => ({
  etag,
  'content-type': type,
  'server-timing': serverTiming(stages.timings),
});

const one = async (c: Call, asked: Asked, infos: readonly CorpusInfo[] | undefined, stages: Stages) => {
  const { request, lines } = asked;
  const { input, vector, vectors, candidates } = request;
  const { env } = c;
  const { principal } = c.var;
  const place = placeOf(c);
  const draft = cut(
    candidates === undefined
      ? await draftFromCorpora(env, principal, corporaOf(request), { input, vector, vectors }, request, stages, infos)
      : finished(await runFromCandidates(env, request, candidates, stages)),
    request,
  );
  const etag = await etagFor(c, asked, draft.selection);
  const answered = (selection: Selection) => {
    stages.end();
    return answerOf(place, principal.tenant, request, selection, etag, stages.timings);
  };
  if (!lines) {
    const selection = await stages.time('texts', async () => withTexts(draft, request));
    const { body } = answered(selection);
    return c.body(body, 200, headersOf(etag, stages, 'application/json'));
  }
  const pieces = selectionLines(
    draft,
    request,
    async (selection) => answered(selection),
    (error) => c.var.record.failed(error),
  );
  return c.body(bodyOf(pieces), 200, headersOf(etag, stages, 'application/x-ndjson'));
};

const each = async (
  c: Call,
  asked: Asked,
  inputs: readonly string[],
  known: readonly CorpusInfo[] | undefined,
  stages: Stages,
) => {
  const { request } = asked;
  const { env } = c;
  const { principal } = c.var;
  if (asked.lines) {
    const message = 'cannot be told line by line: ask for application/json, or for one prompt at a time';
    throw new FaultError({ kind: 'bad_field', param: 'inputs', message });
  }
  const embedder = chooseEmbedder(env);
  const { candidates } = request;
  const infos =
    candidates === undefined
      ? (known ?? (await stages.time('corpus', () => sourcesOf(env, principal, corporaOf(request)))))
      : [];
  for (const info of infos) checkEmbedder(info, embedder);
  const fromSent = candidates === undefined ? undefined : await candidatesFor(env, candidates, embedder.dimensions);
  const sources = selectedFrom(env, infos);
  const etag = await etagFor(c, asked, { sources });
  const place = placeOf(c);
  const timed: Embedder = {
    ...embedder,
    embed: (...asked) => stages.time('embed', () => embedder.embed(...asked)),
  };
  const results = await selectEach([...inputs], timed, async (vector, i, warnings) => {
    const own = new Stages();
    const made =
      fromSent === undefined
        ? await draftFromSources(env, principal, infos, [vector], request, own)
        : finished(await own.time('select', async () => fromSent([vector], request)));
    const draft = cut(warned(made, warnings), request);
    const selection = await withTexts(draft, request);
    own.end();
    return answerOf(place, principal.tenant, request, selection, await etagOf([etag, i]), own.timings).content;
  });
  const data = results.map((result) => {
    if ('made' in result) return result.made;
    c.var.record.failed(result.error);
    return { error: wireError(result.error).body.error };
  });
  stages.end();
  // what failed may work the next time: such an answer cannot be named
  const whole = results.every((result) => 'made' in result) ? etag : await etagOf([etag, crypto.randomUUID()]);
  return c.body(
    JSON.stringify({ object: 'list', data } satisfies SelectList),
    200,
    headersOf(whole, stages, 'application/json'),
  );
};

export const selectRoute = async (c: Call) => {
  const { record } = c.var;
  const { stages } = record;
  const named = c.req.header('if-none-match');
  const asked = await readSelect(c.req.raw);
  const { request } = asked;
  record.selectsFrom(corporaOf(request));
  let infos: CorpusInfo[] | undefined;
  if (named !== undefined) {
    const names = corporaOf(request);
    infos =
      names.length === 0 ? undefined : await stages.time('corpus', () => sourcesOf(c.env, c.var.principal, names));
    const etag = await etagFor(c, asked, { sources: selectedFrom(c.env, infos ?? []) });
    if (isNamed(named, etag)) return c.body(null, 304, { etag, 'server-timing': serverTiming(stages.timings) });
  }
  return request.inputs === undefined ? one(c, asked, infos, stages) : each(c, asked, request.inputs, infos, stages);
};
