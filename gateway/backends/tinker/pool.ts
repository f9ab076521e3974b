// The servers of one backend: which of them gets the next session. Those that offer the model and are well; of these the one
// with the fewest sessions for its room; a session then stays where it is. Every few seconds each server is looked at: one
// that fails gets no new sessions, and one that comes back is asked anew what it can do before it gets any. A server that
// offers another revision of a model than the first did is passed over, since its answers would differ.
import { BACKEND_HEALTH_MS, BACKEND_HEALTH_WAIT_MS, MAX_RETRY_AFTER_S } from '../../../wire/limits.ts';
import { messageOf } from '../../../wire/message.ts';
import { logError, logInfo } from '../../log.ts';
import type { Offer } from './capabilities.ts';
import type { TinkerServer } from './server.ts';

export interface Pool {
  readonly servers: readonly TinkerServer[];
  /** The server for a new session of this model, not among those tried: `near` where it is well; undefined where none is. */
  choose(serverName: string, tried: ReadonlySet<TinkerServer>, near?: TinkerServer): TinkerServer | undefined;
  /** Seconds until one may be well again. */
  retryAfterS(serverName: string): number;
  close(): void;
}

export interface PoolOptions {
  readonly servers: readonly TinkerServer[];
  /** Revisions by the servers' name of a model: what the first server said of it. */
  readonly revisions: ReadonlyMap<string, string | undefined>;
  readonly healthMs?: number;
}

export const createPool = ({ servers, revisions, healthMs = BACKEND_HEALTH_MS }: PoolOptions): Pool => {
  const ended = new AbortController();
  /** Logged once for each. */
  const strange = new Set<string>();

  const fits = (server: TinkerServer, name: string, offer: Offer | undefined): boolean => {
    if (offer === undefined) return false;
    const wanted = revisions.get(name);
    if (wanted === undefined || offer.revision === undefined || offer.revision === wanted) return true;
    const key = `${server.name} ${name} ${offer.revision}`;
    if (!strange.has(key)) {
      strange.add(key);
      logError(
        'backend',
        `server ${server.name} has revision ${offer.revision} of '${name}', others ${wanted}; passed over`,
      );
    }
    return false;
  };
  const load = (server: TinkerServer): number => server.sessions / (server.capabilities?.slots || 1);

  const look = async (server: TinkerServer): Promise<void> => {
    const { breaker } = server;
    const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(2 * BACKEND_HEALTH_WAIT_MS)]);
    const wasWell = breaker.state === 'closed' && server.capabilities !== undefined;
    if (wasWell) return server.look(signal);
    if (breaker.state !== 'closed' && !breaker.takeLook()) return;
    try {
      await server.connect(signal);
      breaker.succeeded();
      logInfo('backend server is well', { server: server.name });
    } catch (error) {
      breaker.failed();
      throw error;
    }
  };
  const lookAtAll = (): void => {
    for (const server of servers) {
      look(server).catch((error: unknown) => {
        if (!ended.signal.aborted)
          logInfo('backend server is not well', { server: server.name, why: messageOf(error) });
      });
    }
  };
  const timer = setInterval(lookAtAll, healthMs);
  timer.unref();

  return {
    servers,
    choose(serverName, tried, near) {
      const usable = servers.filter((server) => {
        const well = server.breaker.state === 'closed' && server.busyUntil <= server.now();
        return well && !tried.has(server) && fits(server, serverName, server.capabilities?.offers.get(serverName));
      });
      if (near !== undefined && usable.includes(near)) return near;
      let best: TinkerServer | undefined;
      for (const server of usable) if (best === undefined || load(server) < load(best)) best = server;
      return best;
    },
    retryAfterS(serverName) {
      const waits = servers
        .filter(({ capabilities }) => capabilities === undefined || capabilities.offers.has(serverName))
        // one that is away is looked at within an interval after its breaker allows it
        .map(({ breaker, busyUntil, now }) =>
          breaker.state === 'closed' ? busyUntil - now() : breaker.waitMs + healthMs,
        );
      return Math.min(MAX_RETRY_AFTER_S, Math.max(1, Math.ceil(Math.min(...waits, Number.MAX_SAFE_INTEGER) / 1000)));
    },
    close() {
      clearInterval(timer);
      ended.abort(new Error('the backend is closed'));
      for (const server of servers) server.close();
    },
  };
};
