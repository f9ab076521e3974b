// The backend behind Tinker's wire: fine-tuning and generation on GPU servers, whether our own, the hosted service's or
// another engine's. At the start each server is asked what it can do; one at least must answer for every model, since
// nothing is known of a model before. From then on servers come and go (pool.ts).
import { FaultError } from '../../../wire/faults.ts';
import {
  DEFAULT_BACKEND_CONCURRENCY,
  DEFAULT_REMOTE_RANK,
  DEFAULT_TRAIN_TOKENS,
  MAX_BACKEND_CONCURRENCY,
} from '../../../wire/limits.ts';
import { messageOf } from '../../../wire/message.ts';
import type { Backend, Model, Session } from '../contract.ts';
import { defaultsBySize, parseDefaults } from '../defaults.ts';
import type { Offer } from './capabilities.ts';
import type { ModelConfig, TinkerConfig } from './config.ts';
import { releaseKept, serverOf } from './keeping.ts';
import { createPool } from './pool.ts';
import { asThrown, isOutage, isTransient, ServerError } from './problems.ts';
import { directoryFiles, readText } from './reader.ts';
import { createReading } from './reading.ts';
import { type ServerClocks, TinkerServer } from './server.ts';
import { openSession, type RemoteModel } from './session.ts';

export interface TinkerOptions {
  /** The backend's name, for errors. */
  readonly name: string;
  readonly config: TinkerConfig;
  /** Where keys are. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clocks?: ServerClocks & {
    readonly heartbeatMs?: number;
    readonly pollMs?: number;
    readonly everyMs?: number;
  };
  readonly now?: () => number;
}

const serversOf = ({ name, config, env, clocks, now }: TinkerOptions): TinkerServer[] =>
  config.servers.map(({ url, keyEnv }) => {
    const key = keyEnv === undefined ? undefined : env[keyEnv];
    if (keyEnv !== undefined && !key) throw new Error(`backend '${name}': the variable ${keyEnv} is not set`);
    return new TinkerServer({
      url,
      ...(key === undefined ? {} : { key }),
      ...(clocks === undefined ? {} : { clocks }),
      ...(now === undefined ? {} : { now }),
    });
  });

interface Found {
  readonly model: Model;
  readonly remote: RemoteModel;
  readonly revision: string | undefined;
}

/** What the first server that offers a model says, with what the configuration adds. Throws a sentence. */
const findModel = async (
  { name: backend }: TinkerOptions,
  { name, serverName = name, tokenizer, ...given }: ModelConfig,
  servers: readonly TinkerServer[],
): Promise<Found> => {
  const where = `backend '${backend}', model '${name}'`;
  const offering = servers.find(({ capabilities }) => capabilities?.offers.has(serverName));
  const offer: Offer | undefined = offering?.capabilities?.offers.get(serverName);
  if (offering === undefined || offer === undefined) {
    const known = [...new Set(servers.flatMap(({ capabilities }) => [...(capabilities?.offers.keys() ?? [])]))];
    throw new Error(`${where}: no server offers '${serverName}'; they offer: ${known.join(', ') || 'nothing'}`);
  }
  if (tokenizer === undefined && offering.capabilities?.files !== true) {
    throw new Error(`${where}: server ${offering.name} hands out no tokenizer; name a directory with "tokenizer"`);
  }
  const files =
    tokenizer === undefined
      ? (file: string) => offering.file(serverName, file, AbortSignal.timeout(60_000))
      : directoryFiles(tokenizer);
  const text = await readText(
    files,
    tokenizer === undefined ? `${where} at ${offering.name}` : `${where}, ${tokenizer}`,
  );
  const parameters = offer.parameters ?? given.parameters;
  if (parameters === undefined) throw new Error(`${where}: server ${offering.name} tells no size; give "parameters"`);
  const contexts = [offer.contextTokens, given.contextTokens].filter((tokens) => tokens !== undefined);
  const contextTokens = contexts.length > 0 ? Math.min(...contexts) : text.contextTokens;
  if (contextTokens === undefined) {
    throw new Error(`${where}: server ${offering.name} tells no context; give "contextTokens"`);
  }
  const defaults =
    text.defaults === undefined
      ? defaultsBySize(parameters)
      : parseDefaults(text.defaults, `${where}: sift.json`, parameters);
  const [any = 'lora'] = offer.methods;
  const method = offer.methods.includes(defaults.method) ? defaults.method : any;
  const maxRank = offer.maxRank ?? given.maxRank ?? DEFAULT_REMOTE_RANK;
  return {
    model: {
      id: name,
      contextTokens,
      parameters,
      // a server that tells none is taken to serve one and the same until the gateway is started anew
      revision: offer.revision ?? '',
      chat: text.chat.kind,
      capabilities: {
        methods: offer.methods,
        maxRank,
        logprobs: true,
        // the wire tells the tokens that were drawn alone, and knows no penalties
        topLogprobs: 0,
        penalties: false,
        streaming: offering.capabilities?.streams ?? false,
        pipelined: true,
      },
      defaults: { ...defaults, method, rank: Math.min(defaults.rank, maxRank) },
    },
    remote: {
      id: name,
      serverName,
      reading: createReading({ ...text.parts, context: contextTokens, start: text.start }),
      tokenizer: text.tokenizer,
      chat: text.chat,
      contextTokens,
      ends: text.ends,
      trainTokens: offer.trainTokens ?? DEFAULT_TRAIN_TOKENS,
    },
    revision: offer.revision,
  };
};

/** Asks the servers, and serves; rejects with a sentence where a model cannot be served as configured. */
export const createTinkerBackend = async (options: TinkerOptions): Promise<Backend> => {
  const { name, config, clocks = {} } = options;
  const servers = serversOf(options);
  const found: Found[] = [];
  try {
    const asked = await Promise.allSettled(servers.map((server) => server.connect(AbortSignal.timeout(60_000))));
    const failed = asked.flatMap((result) => (result.status === 'rejected' ? [messageOf(result.reason)] : []));
    if (failed.length === servers.length) throw new Error(`backend '${name}': ${failed.join('; ')}`);
    for (const model of config.models) found.push(await findModel(options, model, servers));
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  const byName = new Map(found.map(({ remote }) => [remote.id, remote]));
  const pool = createPool({
    servers,
    revisions: new Map(found.map(({ remote, revision }) => [remote.serverName, revision])),
    ...(clocks.everyMs === undefined ? {} : { healthMs: clocks.everyMs }),
  });
  const open = new Set<Session>();

  const context = {
    encoding: config.encoding,
    ...(clocks.heartbeatMs === undefined ? {} : { heartbeatMs: clocks.heartbeatMs }),
    ...(clocks.pollMs === undefined ? {} : { pollMs: clocks.pollMs }),
  };
  // a tuned model and its sampler take a slot each
  const slots = servers.reduce((sum, { capabilities }) => sum + Math.floor((capabilities?.slots ?? 0) / 2), 0);
  const concurrency = config.concurrency ?? (Math.min(MAX_BACKEND_CONCURRENCY, slots) || DEFAULT_BACKEND_CONCURRENCY);

  return {
    models: found.map(({ model }) => model),
    concurrency,
    async open(asked, signal) {
      signal.throwIfAborted();
      const model = byName.get(asked.model);
      if (model === undefined) throw new FaultError({ kind: 'backend', message: `no model '${asked.model}'` });
      const tried = new Set<TinkerServer>();
      let last: ServerError | undefined;
      for (;;) {
        const server = pool.choose(model.serverName, tried, serverOf(asked.from));
        if (server === undefined) {
          // the last one that was tried is not away, but wrong
          if (last !== undefined && !isTransient(last)) throw asThrown(last);
          const busy = last !== undefined && last.problem.kind === 'busy' ? last.problem.retryAfterS : 0;
          const message = last?.message ?? `no server of backend '${name}' that has '${asked.model}' is well`;
          const retryAfterS = Math.max(busy, pool.retryAfterS(model.serverName));
          throw new FaultError({ kind: 'backend_unavailable', message, retryAfterS }, last);
        }
        tried.add(server);
        server.sessions += 1;
        const freed = (): void => {
          server.sessions -= 1;
        };
        try {
          const session = await openSession({ ...context, server, model, freed }, asked, signal);
          open.add(session);
          const close = async (): Promise<void> => {
            open.delete(session);
            await session.close();
          };
          return { ...session, close };
        } catch (error) {
          if (signal.aborted) throw signal.reason;
          // nothing was done there: another server may do it
          if (!(error instanceof ServerError) || !(isTransient(error) || isOutage(error))) throw asThrown(error);
          last = error;
        }
      }
    },
    isWell: () => found.some(({ remote }) => pool.choose(remote.serverName, new Set()) !== undefined),
    release: releaseKept,
    async close() {
      await Promise.all(Array.from(open, (session) => session.close()));
      pool.close();
      await Promise.all(found.map(({ remote }) => remote.reading.close()));
    },
  };
};
