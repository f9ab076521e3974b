// W3C Trace Context (https://www.w3.org/TR/trace-context/): one trace through caller, edge, gateway and backend, a span for
// each of them. A valid `traceparent` is continued under a span id of our own; any other is passed over, with its
// `tracestate`, and a new trace begins. No part of it is signed between edge and gateway: it is for logs, and decides nothing.
import { MAX_TRACESTATE_CHARACTERS, MAX_TRACESTATE_MEMBERS } from './limits.ts';

export interface Trace {
  /** 16 bytes in hex, the same from caller to backend. */
  readonly traceId: string;
  /** 8 bytes in hex: this side's own. */
  readonly spanId: string;
  /** The caller's span; undefined where the trace begins here. */
  readonly parentId: string | undefined;
  /** Whether the caller records the trace; one that begins here is recorded by its log line. */
  readonly sampled: boolean;
  /** What other vendors pass along. */
  readonly state: string | undefined;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** So many random bytes in hex: for each request, so by a table. */
const hex = (bytes: number): string => {
  let text = '';
  for (const byte of crypto.getRandomValues(new Uint8Array(bytes))) text += HEX[byte];
  return text;
};

/** Of version 00, and how a later version begins: what follows there is not ours to read. */
const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;
const SAMPLED = 0x01;

const parentOf = (header: string): Pick<Trace, 'traceId' | 'parentId' | 'sampled'> | undefined => {
  const [, version, traceId, parentId, flags, more] = PARENT.exec(header.trim()) ?? [];
  if (version === undefined || traceId === undefined || parentId === undefined || flags === undefined) return undefined;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (ZEROS.test(traceId) || ZEROS.test(parentId)) return undefined;
  // flags that are not known are not passed on
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 };
};

const MEMBER =
  /^([a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=([\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e])$/;
/** Members longer than this go first where there is no room. */
const LONG_MEMBER = 128;

/** The list as it goes on; undefined where it is empty or not one. What is over the limits is left out by the spec's order. */
const stateOf = (header: string): string | undefined => {
  const members = header
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
  const keys = new Set(members.map((member) => MEMBER.exec(member)?.[1]));
  if (members.length === 0 || keys.has(undefined) || keys.size < members.length) return undefined;
  if (members.length > MAX_TRACESTATE_MEMBERS) return undefined;
  let kept = members;
  const tooLong = (): boolean => kept.join(',').length > MAX_TRACESTATE_CHARACTERS;
  if (tooLong()) kept = kept.filter(({ length }) => length <= LONG_MEMBER);
  while (tooLong()) kept = kept.slice(0, -1);
  return kept.length === 0 ? undefined : kept.join(',');
};

/** This side's span of the caller's trace, or of a new one. Several headers come joined by a comma, which fits none. */
export const traceOf = (traceparent: string | null | undefined, tracestate: string | null | undefined): Trace => {
  const parent = traceparent == null ? undefined : parentOf(traceparent);
  if (parent === undefined) {
    return { traceId: hex(16), spanId: hex(8), parentId: undefined, sampled: true, state: undefined };
  }
  return { ...parent, spanId: hex(8), state: tracestate == null ? undefined : stateOf(tracestate) };
};

/** Headers by which the next one's log knows a request. */
export type Trail = Readonly<Record<string, string>>;

export const trailOf = (requestId: string, { traceId, spanId, sampled, state }: Trace): Trail => ({
  'x-request-id': requestId,
  traceparent: `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`,
  ...(state === undefined ? {} : { tracestate: state }),
});
