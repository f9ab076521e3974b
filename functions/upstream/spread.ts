// In which order a request asks the gateways: the nearest region to its caller first, and among those as near as each other
// by rendezvous hashing with weights. So requests with one key meet at one gateway, where what an earlier one made of the same
// examples is kept, and a gateway that is away hands on its own keys alone. Pure.
import { FNV_START, fnvNext } from '../../wire/fnv.ts';
import type { GatewaySpec } from '../../wire/gateways.ts';
import { distanceKm, type Region } from '../../wire/regions.ts';

/** A number in (0, 1) of a text: FNV-1a, whose last bits are mixed into all others (the finisher of MurmurHash3). */
const uniform = (text: string): number => {
  let hash = FNV_START;
  for (let i = 0; i < text.length; i++) hash = fnvNext(hash, text.charCodeAt(i));
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash = (hash ^ (hash >>> 16)) >>> 0;
  return (hash + 0.5) / 2 ** 32;
};

/** The highest is asked first. −w/ln(u) is highest for each gateway with a probability in proportion to its weight. */
const score = (key: string, { name, weight }: GatewaySpec): number => -weight / Math.log(uniform(`${key}\n${name}`));

/** `home`: the caller's region; where nobody knows it, all are as near as each other. */
export const inOrder = (
  gateways: readonly GatewaySpec[],
  home: Region | undefined,
  key: string,
): readonly GatewaySpec[] =>
  gateways
    .map((spec) => ({ spec, km: home === undefined ? 0 : distanceKm(home, spec.region), score: score(key, spec) }))
    .sort((a, b) => a.km - b.km || b.score - a.score)
    .map(({ spec }) => spec);
