// The gateways that a deployment has: GATEWAYS, a list of several with their places and weights, or GATEWAY_URL, the short
// form for one. What is wrong is said in the operator's terms: which entry, which field. No message repeats an address,
// since whoever has a key may read it.
import * as z from 'zod';
import { problem } from './body.ts';
import { fail, ok, type Result } from './faults.ts';
import { MAX_GATEWAY_NAME, MAX_GATEWAY_WEIGHT, MAX_GATEWAYS } from './limits.ts';
import { REGIONS } from './regions.ts';
import { inWords } from './words.ts';

const NAME = /^[a-z0-9][a-z0-9-]*$/;

export const GATEWAY_ADDRESS = 'must be an address https://… without user, password, query or fragment';

/** Nothing but where it is: a password would go into logs, and a query would not be signed as it is sent. */
export const isGatewayAddress = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['https:', 'http:'].includes(url.protocol)) return false;
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
};

const gateway = z.strictObject({
  /** In the header x-sift-gateway, in log lines, in /ready. */
  name: z.string().max(MAX_GATEWAY_NAME).regex(NAME, 'must be of small letters, digits and hyphens'),
  url: z.string().refine(isGatewayAddress, GATEWAY_ADDRESS),
  region: z.enum(REGIONS),
  /** Its share of the load beside gateways that are as near. */
  weight: z.number().positive().max(MAX_GATEWAY_WEIGHT).default(1),
});
export type GatewaySpec = z.output<typeof gateway>;

const gateways = z.array(z.unknown()).min(1).max(MAX_GATEWAYS);

const wrong = (why: string) => fail({ kind: 'not_configured' as const, what: `GATEWAYS (${why})` });

/** How an entry is called in a message: by its place, and by its name if it has one. */
const entryOf = (entry: unknown, index: number): string => {
  const name = typeof entry === 'object' && entry !== null && 'name' in entry ? entry.name : undefined;
  const called = typeof name === 'string' && NAME.test(name) && name.length <= MAX_GATEWAY_NAME;
  return `entry ${index + 1}${called ? ` '${name}'` : ''}`;
};

/** `value`: JSON, as text or, from a TOML table of wrangler's, as it is. */
export const parseGateways = (value: unknown): Result<readonly GatewaySpec[]> => {
  let list = value;
  if (typeof value === 'string') {
    try {
      list = JSON.parse(value);
    } catch {
      return wrong('it is not JSON');
    }
  }
  const whole = gateways.safeParse(list, { error: inWords });
  if (!whole.success) return wrong(problem(whole, '')?.message ?? 'it is not a list');
  const specs: GatewaySpec[] = [];
  for (const [i, entry] of whole.data.entries()) {
    const parsed = gateway.safeParse(entry, { error: inWords });
    const found = problem(parsed, '');
    if (!parsed.success) {
      const field = found?.param === '' ? '' : `${found?.param} `;
      return wrong(`${entryOf(entry, i)}: ${field}${found?.message}`);
    }
    if (specs.some(({ name }) => name === parsed.data.name)) {
      return wrong(`${entryOf(entry, i)}: name is taken by an entry before it`);
    }
    specs.push({ ...parsed.data, url: parsed.data.url.replace(/\/+$/, '') });
  }
  return ok(specs);
};
