// Whose turn it is: examples that a person can follow, then properties over random arrivals, costs and departures.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairOrder } from '../../gateway/fair-order.ts';

interface Request {
  readonly tenant: string;
  readonly cost: number;
  readonly id: number;
}

let ids = 0;
const of = (tenant: string, cost = 10): Request => {
  ids += 1;
  return { tenant, cost, id: ids };
};
const equal = () => 1;

/** One slot: the tenants in the order of their starts, each ended before the next. */
const drain = (order: FairOrder<Request>): string => {
  let turns = '';
  for (let next = order.next(); next !== undefined; next = order.next()) {
    turns += next.tenant;
    order.end(next.tenant);
  }
  return turns;
};

const orderOf = (requests: readonly Request[], weightOf: (tenant: string) => number = equal): FairOrder<Request> => {
  const order = new FairOrder<Request>(1, weightOf);
  for (const request of requests) order.add(request);
  return order;
};
const many = (tenant: string, count: number, cost = 10): Request[] =>
  Array.from({ length: count }, () => of(tenant, cost));

describe('the fair order', () => {
  it('takes turns among tenants, however many requests each has', () => {
    expect(drain(orderOf([...many('a', 4), ...many('b', 2), of('c')]))).toBe('abcabaa');
  });

  it('starts a stranger next, after the one at work, though others came long before', () => {
    const order = orderOf(many('a', 5, 1_000));
    expect(order.next()?.tenant).toBe('a');
    order.add(of('stranger', 5_000));
    order.end('a');
    expect(order.next()?.tenant).toBe('stranger');
  });

  it('counts work, not requests: ten light ones go with one heavy', () => {
    expect(drain(orderOf([...many('h', 2, 100), ...many('l', 20, 10)]))).toBe('hllllllllllhllllllllll');
  });

  it('gives a tenant of weight 3 three turns for one', () => {
    const turns = drain(orderOf([...many('a', 9), ...many('b', 3)], (tenant) => (tenant === 'a' ? 3 : 1)));
    expect([turns.slice(0, 4), turns.slice(4, 8), turns.slice(8)].map((round) => round.split('b').length - 1)).toEqual([
      1, 1, 1,
    ]);
  });

  it('saves nothing up for a tenant that was away', () => {
    const order = orderOf([of('a'), of('b')]);
    expect(drain(order)).toBe('ab');
    for (const request of many('a', 6)) order.add(request);
    for (let i = 0; i < 4; i++) order.end(order.next()?.tenant ?? '');
    for (const request of many('b', 6)) order.add(request);
    expect(drain(order)).toBe('babab' + 'bbb');
  });

  it('saves nothing up for a tenant whose one request runs long while others take turns', () => {
    const order = new FairOrder<Request>(3, equal);
    order.add(of('a', 10));
    expect(order.next()?.tenant).toBe('a');
    for (let i = 0; i < 50; i++) {
      order.add(of('b', 10));
      order.next();
      order.end('b');
    }
    for (const request of many('a', 5)) order.add(request);
    order.add(of('c'));
    expect(order.next()?.tenant).toBe('c');
  });

  it('keeps no claim against those who come later from a time with those who have gone', () => {
    const order = orderOf([of('a', 100), of('c', 100), of('c', 100)]);
    expect(order.next()?.tenant).toBe('a');
    order.end('a');
    expect(order.next()?.tenant).toBe('c'); // nobody else waits
    order.add(of('b', 100));
    order.end('c');
    expect(order.next()?.tenant).toBe('b');
  });

  it('lets a debt from a time with those who have gone count no longer against those who come later', () => {
    const [gone] = many('gone', 1);
    if (gone === undefined) throw new Error('none');
    const order = orderOf([of('h', 100), gone]);
    expect(order.next()?.tenant).toBe('h');
    order.remove(gone);
    for (const request of many('h', 3, 100)) order.add(request);
    order.end('h');
    expect(order.next()?.tenant).toBe('h');
    for (const request of many('n', 6)) order.add(request);
    order.end('h');
    expect(drain(order).slice(0, 2)).toBe('nh');
  });

  it('remembers a heavy turn of a tenant that sends one request at a time', () => {
    const order = orderOf(many('l', 30, 10));
    order.add(of('h', 100));
    let turns = '';
    for (let i = 0; i < 24; i++) {
      const next = order.next();
      if (next === undefined) break;
      turns += next.tenant;
      order.end(next.tenant);
      if (next.tenant === 'h') order.add(of('h', 100));
    }
    expect(turns).toMatch(/^lh(l{9,11})h(l{9,11})h?/);
  });

  it('never lets one tenant take the last slot while another waits', () => {
    const order = new FairOrder<Request>(3, equal);
    for (const request of many('a', 6, 1)) order.add(request);
    order.add(of('b', 1_000));
    order.add(of('b', 1_000));
    expect([order.next(), order.next(), order.next()].map((next) => next?.tenant)).toEqual(['a', 'b', 'a']);
    order.end('b'); // its account is far above a's, yet a holds the other two slots
    expect(order.next()?.tenant).toBe('b');
    expect(order.full).toBe(true);
  });

  it('lets one tenant have all slots while nobody else waits', () => {
    const order = new FairOrder<Request>(3, equal);
    for (const request of many('a', 6)) order.add(request);
    expect([order.next(), order.next(), order.next(), order.next()].map((next) => next?.tenant)).toEqual([
      'a',
      'a',
      'a',
      undefined,
    ]);
  });

  it('does not let a stream of strangers, each with one request, starve a tenant that has had its first', () => {
    const order = orderOf(many('a', 2, 100));
    order.add(of('stranger-0', 10));
    order.add(of('stranger-1', 10));
    let turns = 0;
    let ofA = 0;
    for (; ofA < 2 && turns < 200; turns++) {
      const next = order.next();
      if (next?.tenant === 'a') ofA += 1;
      order.end(next?.tenant ?? '');
      order.add(of(`stranger-${turns + 2}`, 10)); // two of them wait at any time
    }
    // three tenants present: while a pays for 100, the two others have as much each
    expect(turns).toBeLessThan(40);
  });

  it('forgets tenants that owe nothing', () => {
    const order = orderOf([]);
    for (let i = 0; i < 10_000; i++) {
      order.add(of(`tenant-${i}`, 1 + (i % 50)));
      order.add(of(`tenant-${i + 1}`, 50));
      for (const next of [order.next()]) if (next) order.end(next.tenant);
      if (order.waiting > 5) for (const next of [order.next()]) if (next) order.end(next.tenant);
    }
    expect(order.tenants).toBeLessThan(500);
    drain(order);
    expect(order.tenants).toBe(0);
  });

  it('finds the newest request of whoever holds most, if that is more than the newcomer would', () => {
    const requests = [...many('a', 3), ...many('b', 2)];
    const order = orderOf(requests);
    expect(order.beyondShare('c')).toBe(requests[2]);
    expect(order.beyondShare('b')).toBeUndefined(); // it would have as many
    expect(order.beyondShare('a')).toBeUndefined();
    const weighted = orderOf(requests, (tenant) => (tenant === 'a' ? 3 : 1));
    expect(weighted.beyondShare('c')).toBe(requests[4]);
  });
});

// ── Properties ───────────────────────────────────────────────────────────────────────────────────────────────────

const TENANTS = ['a', 'b', 'c', 'd'] as const;
const MAX_COST = 100;

type Act =
  | { do: 'arrive'; tenant: string; cost: number }
  | { do: 'leave'; which: number } // a waiting one goes away
  | { do: 'end'; which: number }; // a running one ends

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('arrive' as const),
      tenant: fc.constantFrom(...TENANTS),
      cost: fc.integer({ min: 1, max: MAX_COST }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), which: fc.nat(1_000) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), which: fc.nat(1_000) }) },
);
const weights = fc.record(Object.fromEntries(TENANTS.map((tenant) => [tenant, fc.integer({ min: 1, max: 4 })])));

interface Start {
  readonly request: Request;
  /** Those waiting when it was chosen, itself included. */
  readonly among: readonly Request[];
  /** Requests running then, without it. */
  readonly beside: readonly Request[];
}

/** Plays the acts as the queue does, and gives every start in order. */
const play = (acts: readonly Act[], slots: number, weightOf: (tenant: string) => number): Start[] => {
  const order = new FairOrder<Request>(slots, weightOf);
  const waiting: Request[] = [];
  const running: Request[] = [];
  const starts: Start[] = [];
  const advance = (): void => {
    for (let next = order.next(); next !== undefined; next = order.next()) {
      starts.push({ request: next, among: [...waiting], beside: [...running] });
      waiting.splice(waiting.indexOf(next), 1);
      running.push(next);
    }
    // work conserving: a free slot and somebody waiting never stay together
    expect(running.length < slots && waiting.length > 0).toBe(false);
    expect([order.running, order.waiting]).toEqual([running.length, waiting.length]);
    expect(running.length).toBeLessThanOrEqual(slots);
  };
  const endOne = (which: number): void => {
    const [ended] = running.splice(which % Math.max(1, running.length), 1);
    if (ended !== undefined) order.end(ended.tenant);
    advance();
  };
  for (const one of acts) {
    if (one.do === 'arrive') {
      const request = of(one.tenant, one.cost);
      waiting.push(request);
      order.add(request);
      advance();
    } else if (one.do === 'leave') {
      const [left] = waiting.splice(one.which % Math.max(1, waiting.length), 1);
      if (left !== undefined) expect(order.remove(left)).toBe(true);
      if (left !== undefined) expect(order.remove(left)).toBe(false);
      advance();
    } else endOne(one.which);
  }
  while (running.length > 0) endOne(0);
  expect([order.waiting, order.tenants]).toEqual([0, 0]);
  return starts;
};

describe('the fair order, over random arrivals', () => {
  const acts = fc.array(act, { maxLength: 120 });
  const slots = fc.integer({ min: 1, max: 4 });

  it('is never idle while somebody waits, and starts everybody who does not leave', () => {
    fc.assert(
      fc.property(acts, slots, weights, (all, count, weight) => {
        play(all, count, (tenant) => weight[tenant] ?? 1);
      }),
    );
  });

  it('starts the oldest of a tenant first', () => {
    fc.assert(
      fc.property(acts, slots, weights, (all, count, weight) => {
        for (const { request, among } of play(all, count, (tenant) => weight[tenant] ?? 1)) {
          expect(among.find(({ tenant }) => tenant === request.tenant)).toBe(request);
        }
      }),
    );
  });

  it('never gives a tenant all slots while another waits, with two or more', () => {
    fc.assert(
      fc.property(acts, fc.integer({ min: 2, max: 4 }), weights, (all, count, weight) => {
        for (const { request, among, beside } of play(all, count, (tenant) => weight[tenant] ?? 1)) {
          const holdsAll = beside.length === count - 1 && beside.every(({ tenant }) => tenant === request.tenant);
          expect(holdsAll && among.some(({ tenant }) => tenant !== request.tenant)).toBe(false);
        }
      }),
    );
  });

  it('gives any two tenants that both wait their shares by weight, to within one request of each', () => {
    fc.assert(
      fc.property(acts, weights, (all, weight) => {
        const starts = play(all, 1, (tenant) => weight[tenant] ?? 1);
        for (const a of TENANTS) {
          for (const b of TENANTS) {
            // the longest runs of starts in which both wait: work received per weight drifts apart by a bounded amount
            let drift = 0;
            let least = 0;
            for (const { request, among } of starts) {
              const both = [a, b].every((tenant) => among.some((other) => other.tenant === tenant));
              if (!both || a === b) {
                drift = 0;
                least = 0;
                continue;
              }
              if (request.tenant === a) drift += request.cost / (weight[a] ?? 1);
              if (request.tenant === b) drift -= request.cost / (weight[b] ?? 1);
              least = Math.min(least, drift);
              // debts from before the run add one request more
              const bound = 2 * MAX_COST * (1 / (weight[a] ?? 1) + 1 / (weight[b] ?? 1));
              expect(drift - least).toBeLessThanOrEqual(bound + 1e-6);
            }
          }
        }
      }),
    );
  });

  it('bounds a wait: between two starts of a waiting tenant nobody gets more than its share and two requests', () => {
    fc.assert(
      fc.property(acts, slots, (all, count) => {
        const starts = play(all, count, equal);
        for (const tenant of TENANTS) {
          const received = new Map<string, number>();
          for (const { request, among } of starts) {
            if (request.tenant === tenant || !among.some((other) => other.tenant === tenant)) {
              received.clear();
              continue;
            }
            received.set(request.tenant, (received.get(request.tenant) ?? 0) + request.cost);
            for (const work of received.values()) expect(work).toBeLessThanOrEqual(4 * MAX_COST * count);
          }
        }
      }),
    );
  });

  it('respects weights in the long run', () => {
    fc.assert(
      fc.property(
        weights,
        fc.array(fc.integer({ min: 1, max: MAX_COST }), { minLength: 5, maxLength: 20 }),
        (weight, costs) => {
          const order = orderOf([], (tenant) => weight[tenant] ?? 1);
          const received = new Map<string, number>();
          const next = new Map<string, number>(TENANTS.map((tenant, i) => [tenant, i]));
          const send = (tenant: string): void => {
            const turn = next.get(tenant) ?? 0;
            next.set(tenant, turn + 1);
            order.add(of(tenant, costs[turn % costs.length] ?? 1));
          };
          for (const tenant of TENANTS) for (let i = 0; i < 3; i++) send(tenant);
          for (let i = 0; i < 2_000; i++) {
            const started = order.next();
            if (started === undefined) throw new Error('idle');
            received.set(started.tenant, (received.get(started.tenant) ?? 0) + started.cost);
            order.end(started.tenant);
            send(started.tenant);
          }
          const shares = TENANTS.map((tenant) => (received.get(tenant) ?? 0) / (weight[tenant] ?? 1));
          expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(2 * MAX_COST);
        },
      ),
      { numRuns: 30 },
    );
  });
});
