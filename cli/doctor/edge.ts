// The edge: whether it is there and ready, whether its clock agrees with this one, and what the key may do.
import { SIGNATURE_WINDOW_S } from '../../wire/limits.ts';
import { isLoopback } from '../server.ts';
import { type Answer, ask, notReadyIn } from './answer.ts';
import { type Check, type Finding, fail, ok, skip, warn } from './finding.ts';

export const clockFinding = (check: string, who: string, aheadS: number | undefined): Finding => {
  if (aheadS === undefined) return skip(check, `the clock of ${who}`, 'its answer has no Date');
  const off = Math.abs(aheadS);
  const what =
    off <= 1 ? `the clock of ${who} agrees` : `the clock of ${who} is ${off} s ${aheadS > 0 ? 'ahead' : 'behind'}`;
  const todo = 'set the clocks by NTP';
  const limit = `edge and gateway refuse each other beyond ${SIGNATURE_WINDOW_S} s`;
  if (off > SIGNATURE_WINDOW_S) return fail(check, what, limit, todo);
  return off > SIGNATURE_WINDOW_S / 4 ? warn(check, what, limit, todo) : ok(check, what);
};

const MEANING: Readonly<Record<string, string>> = {
  gateway_unreachable: 'start the gateway, and compare its GATEWAY_SECRET and clock with those of the edge',
  not_configured: 'set the secret GATEWAY_SECRET of the edge',
};

const readyFinding = (server: string, answer: Answer): Finding => {
  const missing = notReadyIn(answer);
  if (answer.status === 200 && missing === '') return ok('edge-ready', `${server} is ready`);
  if (missing === undefined) {
    return fail(
      'edge-ready',
      `${server}/ready answers ${answer.status}`,
      'that is no answer of an edge',
      'look at --server',
    );
  }
  const todo =
    Object.entries(MEANING).find(([word]) => missing.includes(word))?.[1] ??
    'see docs/deploy.md and the log of the edge';
  // one of several gateways that is well is enough
  return answer.status === 200
    ? warn('edge-ready', `${server} is ready in part`, missing, todo)
    : fail('edge-ready', `${server} is not ready`, missing, todo);
};

interface Key {
  readonly scopes?: readonly string[];
  readonly corpora?: 'all' | readonly string[];
  readonly expires_at?: string | null;
}

const keyFinding = async (
  server: string,
  { key, from }: { key: string; from: string },
  signal: AbortSignal,
): Promise<Finding> => {
  const headers = { authorization: `Bearer ${key}` };
  const what = `the key of ${from}`;
  const answer = await ask(`${server}/v1/keys?limit=1`, { headers, signal });
  if (typeof answer === 'string') return skip('key', what, answer);
  const error = (answer.json as { error?: { message?: string; code?: string } } | undefined)?.error;
  if (answer.status === 403 && error?.code === 'insufficient_scope') {
    // its words: the key has select, generate
    return ok('key', `${what} works: it has ${/the key has (.+)$/.exec(error.message ?? '')?.[1] ?? 'some scopes'}`);
  }
  if (answer.status === 401) {
    return fail(
      'key',
      `${what} is refused`,
      error?.message ?? '401',
      'give another by SIFT_KEY, or have one made: sift-edge keys create',
    );
  }
  if (answer.json === undefined) {
    return warn('key', `${what} cannot be judged`, `${server}/v1/keys answers without JSON`, 'look at --server');
  }
  // 501: an edge without a place for keys has those of API_KEY alone
  if (answer.status !== 200 && answer.status !== 501) {
    return warn('key', `${what} cannot be judged`, error?.message ?? `${answer.status}`, 'look at the log of the edge');
  }
  const [, id] = /^sk_([a-z0-9]{16})_/.exec(key) ?? [];
  const more = id === undefined ? undefined : await ask(`${server}/v1/keys/${id}`, { headers, signal });
  if (more === undefined || typeof more === 'string' || more.status !== 200)
    return ok('key', `${what} works: it has every scope`);
  const { scopes = [], corpora = 'all', expires_at = null } = more.json as Key;
  const reach = corpora === 'all' ? 'all corpora' : corpora.join(', ');
  return ok(
    'key',
    `${what} works: ${scopes.join(', ')}; ${reach}; ${expires_at === null ? 'no end' : `until ${expires_at}`}`,
  );
};

export const edgeCheck: Check = async ({ server, key, isNamed, signal }) => {
  const answer = await ask(`${server}/ready`, { signal });
  if (typeof answer === 'string') {
    const why = `${server}: ${answer}`;
    return [
      isNamed
        ? fail(
            'edge-ready',
            'the edge cannot be reached',
            why,
            isLoopback(new URL(server).hostname)
              ? 'start it: sift-edge serve; or look at --server'
              : 'look at --server, DNS and the network',
          )
        : warn('edge-ready', 'no edge runs here', why, 'start it: sift-edge serve; or name one: --server URL'),
      skip('edge-clock', 'the clock of the edge', 'it did not answer'),
      skip('key', 'the key', 'the edge did not answer'),
    ];
  }
  return [
    readyFinding(server, answer),
    clockFinding('edge-clock', 'the edge', answer.aheadS),
    key === undefined
      ? warn('key', 'no key', 'neither --key nor SIFT_KEY is there', 'set SIFT_KEY')
      : await keyFinding(server, key, signal),
  ];
};
