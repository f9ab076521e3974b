// Many GPU servers in several regions under a stream of prompts: a discrete simulation, event by event. A region's gateway
// remembers which server keeps an adapter and sends the next prompt with that selection there, and everything else to the
// server with the least to do; or, for comparison, to the server that the selection's hash points to. A server that dies
// hands its callers back, who are tried once more elsewhere, within a budget.
import { BREAKER_FAILURES } from '../../wire/limits.ts';
import { seededRandom } from '../../wire/random.ts';
import { Gpu, type GpuOptions, type Job } from './gpu.ts';
import { Ticks } from './ticks.ts';

export type Routing = 'remembered' | 'hashed' | 'least loaded';

export interface FleetOptions {
  readonly gpu: GpuOptions;
  /** Servers of each region. */
  readonly regions: readonly number[];
  /** Prompts a second, shared equally between the regions. */
  readonly rate: number;
  /** Selections that there are, and how unequal their share is (Zipf). */
  readonly selections: number;
  readonly skew: number;
  readonly steps: number;
  /** Tokens of an example, equally likely between these. */
  readonly exampleTokens: readonly [number, number];
  readonly generated: number;
  readonly seconds: number;
  /** What came before is not counted: the caches fill. */
  readonly warmUpSeconds: number;
  readonly routing: Routing;
  /** Seconds at which one server of the first region dies. */
  readonly dies?: number;
  /** Milliseconds until the gateway knows that a server is gone, unless its breaker opens before. */
  readonly detectMs: number;
  /** Milliseconds to another region and back. */
  readonly crossMs: number;
  /** Second tries allowed, as a share of requests. */
  readonly retryShare: number;
  readonly seed: number;
}

export interface FleetFigures {
  readonly arrived: number;
  readonly answered: number;
  /** Refused with 503: no server of any region had room. */
  readonly refused: number;
  /** Lost with a server, and not tried again. */
  readonly failed: number;
  readonly retried: number;
  /** Sent to another region. */
  readonly crossed: number;
  readonly found: number;
  /** Milliseconds to the first token, of those answered. */
  readonly firstToken: readonly number[];
}

/** So many times the mean load, and this many more, before a prompt leaves the server that its adapter may be on. */
const SPILL_SHARE = 1.25;
const SPILL_JOBS = 1;

/** A generator of Zipf ranks by inverting the cumulative sum. */
const zipfDraw = (count: number, skew: number, random: () => number): (() => number) => {
  const cumulative = new Float64Array(count);
  let total = 0;
  for (let rank = 0; rank < count; rank++) {
    total += (rank + 1) ** -skew;
    cumulative[rank] = total;
  }
  return () => {
    const wanted = random() * total;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
};

/** A well-mixed 32-bit hash of two numbers, for rendezvous hashing. */
const mixed = (a: number, b: number): number => {
  let hash = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return (hash ^ (hash >>> 15)) >>> 0;
};

interface Sent extends Job {
  /** Where it was lost: it is tried elsewhere. */
  readonly failedOn?: Gpu;
}

interface Later {
  readonly atMs: number;
  readonly job: Sent;
  readonly region: number;
}

export const simulate = (options: FleetOptions): FleetFigures => {
  const random = seededRandom(options.seed);
  const draw = zipfDraw(options.selections, options.skew, random);
  const regions = options.regions.map((count) => Array.from({ length: count }, () => new Gpu(options.gpu)));
  const ticks = new Ticks();
  const fromMs = options.warmUpSeconds * 1_000;
  const endMs = fromMs + options.seconds * 1_000;
  const [shortest, longest] = options.exampleTokens;
  const exponential = (): number => (-Math.log(1 - random()) * 1_000) / options.rate;
  const counted = ({ arrivedMs }: Job): boolean => arrivedMs >= fromMs;
  const figures = { arrived: 0, answered: 0, refused: 0, failed: 0, retried: 0, crossed: 0, found: 0 };
  const firstToken: number[] = [];
  let requests = 0;
  let tries = 0;
  const later: Later[] = [];
  /** When a server died, and how often it was asked since. */
  const dead = new Map<Gpu, { readonly atMs: number; asked: number }>();
  const known = (gpu: Gpu, nowMs: number): boolean => {
    const { atMs, asked } = dead.get(gpu) ?? { atMs: nowMs, asked: 0 };
    return nowMs >= atMs + options.detectMs || asked >= BREAKER_FAILURES;
  };

  /** Of each region, which server keeps the adapter of a selection. */
  const places = regions.map(() => new Map<number, Gpu>());
  const choose = (region: number, { key, failedOn }: Sent, nowMs: number): Gpu | undefined => {
    let least: Gpu | undefined;
    let hashed: Gpu | undefined;
    let [highest, usable, load] = [-1, 0, 0];
    for (const [index, gpu] of (regions[region] ?? []).entries()) {
      // a server that died is still asked until that is known
      if (gpu === failedOn || (!gpu.alive && known(gpu, nowMs))) continue;
      usable += 1;
      load += gpu.load;
      if (least === undefined || gpu.load < least.load) least = gpu;
      const weight = mixed(key, index);
      if (weight > highest) [hashed, highest] = [gpu, weight];
    }
    if (options.routing === 'least loaded') return least;
    const holder = places[region]?.get(key);
    if (options.routing === 'remembered') return holder?.alive === true && holder.has(key) ? holder : least;
    return hashed !== undefined && hashed.load <= (SPILL_SHARE * load) / usable + SPILL_JOBS ? hashed : least;
  };
  const again = (job: Job, failedOn: Gpu, region: number, nowMs: number): void => {
    job.attempts += 1;
    if (job.attempts > 2 || tries + 1 > options.retryShare * requests) {
      if (counted(job)) figures.failed += 1;
      return;
    }
    tries += 1;
    if (counted(job)) figures.retried += 1;
    const { key, arrivedMs, attempts } = job;
    later.push({ atMs: nowMs, region, job: { ...fresh(key, arrivedMs), attempts, failedOn } });
  };
  const fresh = (key: number, arrivedMs: number): Job => ({
    key,
    arrivedMs,
    steps: Array.from({ length: options.steps }, () => Math.round(shortest + random() * (longest - shortest))),
    tokens: options.generated,
    found: false,
    delayMs: 0,
    attempts: 1,
  });
  const send = (job: Sent, region: number, nowMs: number): void => {
    for (let hop = 0; hop < regions.length; hop++) {
      const at = (region + hop) % regions.length;
      const gpu = choose(at, job, nowMs);
      if (gpu === undefined) continue;
      if (!gpu.alive) {
        const death = dead.get(gpu);
        if (death !== undefined) death.asked += 1;
        again(job, gpu, region, nowMs + 1); // connection refused
        return;
      }
      const delayMs = hop > 0 ? options.crossMs : 0;
      const idle = gpu.tickEndMs === undefined;
      if (!gpu.accept({ ...job, delayMs }, nowMs + delayMs)) continue;
      if (idle) ticks.add(gpu);
      if (hop > 0 && counted(job)) figures.crossed += 1;
      return;
    }
    if (counted(job)) figures.refused += 1;
  };

  let nextArrival = exponential();
  let dies = options.dies === undefined ? Number.POSITIVE_INFINITY : fromMs + options.dies * 1_000;
  for (;;) {
    let next = Math.min(nextArrival < endMs ? nextArrival : Number.POSITIVE_INFINITY, dies);
    const tick = ticks.next;
    const ticking = tick !== undefined && tick.atMs < next ? tick.gpu : undefined;
    if (tick !== undefined && ticking !== undefined) next = tick.atMs;
    const retry = later.findIndex(({ atMs }) => atMs <= next);
    if (retry >= 0) {
      const [{ job, region, atMs } = { job: undefined, region: 0, atMs: 0 }] = later.splice(retry, 1);
      if (job !== undefined) send(job, region, atMs);
    } else if (next === Number.POSITIVE_INFINITY) {
      break;
    } else if (ticking !== undefined) {
      for (const job of ticking.tick(next)) {
        places[regions.findIndex((servers) => servers.includes(ticking))]?.set(job.key, ticking);
        if (!counted(job)) continue;
        figures.answered += 1;
        figures.found += job.found ? 1 : 0;
        firstToken.push((job.firstTokenMs ?? next) - job.arrivedMs + job.delayMs);
      }
      ticks.add(ticking);
    } else if (next === dies) {
      const gpu = regions[0]?.[0];
      dies = Number.POSITIVE_INFINITY;
      if (gpu === undefined) continue;
      dead.set(gpu, { atMs: next, asked: 0 });
      for (const job of gpu.kill()) again(job, gpu, 0, next);
    } else {
      const job = fresh(draw(), next);
      requests += 1;
      if (counted(job)) figures.arrived += 1;
      send(job, requests % regions.length, next);
      nextArrival += exponential();
    }
  }
  return { ...figures, firstToken };
};
