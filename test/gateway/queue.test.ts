// The queue in front of a backend: its bounds at their edges, positions, Retry-After, and callers who leave.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Queue, type QueueOptions, type Ticket } from '../../gateway/queue.ts';

const never = new AbortController().signal;
const ask = (queue: Queue, tenant = 'a', cost = 10, signal = never) => queue.enter({ tenant, cost }, signal);
const enter = (queue: Queue, tenant = 'a', cost = 10, signal = never): Ticket => {
  const entered = ask(queue, tenant, cost, signal);
  if (!entered.ok) throw new Error(`refused: ${entered.fault.kind}`);
  return entered.value;
};
const create = (options: Partial<QueueOptions> = {}) => new Queue({ concurrency: 1, limit: 3, ...options });
const positions = (tickets: readonly Ticket[]) => tickets.map(({ position }) => position);

/** A queue with a clock of its own that has learnt that a unit of cost takes a second. */
const measured = (options: Partial<QueueOptions> = {}) => {
  let ms = 0;
  const queue = create({ now: () => ms, ...options });
  for (let i = 0; i < 60; i++) {
    const ticket = enter(queue, 'teacher', 1);
    ms += 1_000;
    ticket.leave();
  }
  return {
    queue,
    pass: (seconds: number) => {
      ms += 1_000 * seconds;
    },
  };
};

describe('the queue', () => {
  it('runs as many as the backend takes and lets the rest wait in order', () => {
    const queue = create({ concurrency: 2 });
    const tickets = [enter(queue), enter(queue), enter(queue), enter(queue)];
    expect(positions(tickets)).toEqual([0, 0, 1, 2]);
    tickets[0]?.leave();
    expect(positions(tickets.slice(1))).toEqual([0, 0, 1]);
  });

  it('takes exactly as many waiting as its limit', () => {
    const queue = create({ limit: 3 });
    enter(queue);
    for (let waiting = 1; waiting <= 3; waiting++) expect(enter(queue).position).toBe(waiting);
    expect(ask(queue)).toMatchObject({ ok: false, fault: { kind: 'queue_full', waiting: 3, limit: 3 } });
    expect([queue.running, queue.waiting]).toEqual([1, 3]);
  });

  it('takes exactly as many waiting of a tenant as its limit, and others beside', () => {
    const queue = create({ limit: 10, tenantLimit: 2 });
    for (let i = 0; i < 3; i++) enter(queue, 'a');
    expect(ask(queue, 'a')).toMatchObject({
      ok: false,
      fault: { kind: 'queue_full', waiting: 2, limit: 2, yours: true },
    });
    expect(enter(queue, 'b').position).toBe(1);
  });

  it('takes nobody to wait with a limit of 0, and one to run', () => {
    const queue = create({ limit: 0 });
    enter(queue).leave();
    enter(queue);
    expect(ask(queue)).toMatchObject({ ok: false, fault: { kind: 'queue_full', waiting: 0, limit: 0 } });
    expect(ask(queue, 'stranger')).toMatchObject({ ok: false, fault: { kind: 'queue_full' } });
  });

  it('tells where a newcomer of another tenant has moved those who wait', () => {
    const queue = create();
    enter(queue, 'a');
    const [second, third] = [enter(queue, 'a'), enter(queue, 'a')];
    const moves: number[] = [];
    third.onMove((position) => moves.push(position));
    const stranger = enter(queue, 'b');
    expect(positions([second, third, stranger])).toEqual([2, 3, 1]);
    expect(moves).toEqual([3]);
    stranger.leave();
    expect(moves).toEqual([3, 2]);
  });

  it('gives a full queue’s place to a stranger, and tells the one that loses it', async () => {
    const queue = create({ limit: 3 });
    const running = enter(queue, 'a');
    const [second, third, fourth] = [enter(queue, 'a'), enter(queue, 'a'), enter(queue, 'a')];
    const stranger = enter(queue, 'b');
    await expect(fourth.turn).rejects.toMatchObject({
      fault: { kind: 'queue_full', yours: true, waiting: 3, limit: 1 },
    });
    fourth.leave();
    expect([queue.running, queue.waiting]).toEqual([1, 3]);
    expect(positions([stranger, second, third])).toEqual([1, 2, 3]);
    running.leave();
    await stranger.turn;
  });

  it('takes a stranger’s second request only while that leaves shares even', () => {
    const queue = create({ limit: 4 });
    for (let i = 0; i < 5; i++) enter(queue, 'a');
    for (let i = 0; i < 2; i++) enter(queue, 'b');
    expect(ask(queue, 'b')).toMatchObject({ ok: false, fault: { kind: 'queue_full' } });
    expect(queue.waiting).toBe(4);
  });

  it('lets a waiting caller leave without taking a turn', async () => {
    const queue = create();
    const first = enter(queue);
    const leaving = new AbortController();
    const second = enter(queue, 'a', 10, leaving.signal);
    const third = enter(queue);
    const moves: number[] = [];
    third.onMove((position) => moves.push(position));
    leaving.abort(new Error('gone'));
    await expect(second.turn).rejects.toThrow('gone');
    expect(moves).toEqual([1]);
    first.leave();
    expect(third.position).toBe(0);
    expect([queue.running, queue.waiting]).toEqual([1, 0]);
  });

  it.each(['running', 'waiting'])('counts a %s caller that leaves twice once', (which) => {
    const queue = create();
    const tickets = [enter(queue), enter(queue), enter(queue)];
    const leaving = tickets[which === 'running' ? 0 : 1];
    leaving?.leave();
    leaving?.leave();
    expect([queue.running, queue.waiting]).toEqual([1, 1]);
    for (const ticket of tickets) ticket.leave();
    for (const ticket of tickets) ticket.leave();
    expect([queue.running, queue.waiting]).toEqual([0, 0]);
  });

  it('keeps the place of a running caller until it leaves by itself', () => {
    const queue = create();
    const leaving = new AbortController();
    const first = enter(queue, 'a', 10, leaving.signal);
    leaving.abort();
    expect(queue.running).toBe(1);
    first.leave();
    expect(queue.running).toBe(0);
  });

  it('refuses who has left already, and everybody after close, and finishes those inside', async () => {
    const queue = create();
    expect(ask(queue, 'a', 1, AbortSignal.abort())).toMatchObject({ ok: false, fault: { kind: 'cancelled' } });
    const first = enter(queue);
    const second = enter(queue);
    queue.close();
    expect(ask(queue)).toMatchObject({ ok: false, fault: { kind: 'shutting_down', retryAfterS: 5 } });
    let idle = false;
    const ended = queue.idle().then(() => {
      idle = true;
    });
    first.leave();
    await second.turn;
    expect(idle).toBe(false);
    second.leave();
    await ended;
    await queue.idle();
  });
});

describe('Retry-After', () => {
  const refused = (queue: Queue, tenant: string, cost = 1): number => {
    const entered = ask(queue, tenant, cost);
    if (entered.ok || entered.fault.kind !== 'queue_full') throw new Error('not refused');
    return entered.fault.retryAfterS;
  };

  it('is the tenant’s own wait: long for whoever fills the queue, short for a stranger', () => {
    const { queue, pass } = measured({ limit: 4 });
    enter(queue, 'flood', 10);
    enter(queue, 'flood', 10);
    enter(queue, 'flood', 10);
    enter(queue, 'b', 5);
    enter(queue, 'c', 5);
    expect(refused(queue, 'flood')).toBe(40); // 10 at work, 5, 5, 10, 10
    pass(4);
    expect(refused(queue, 'flood')).toBe(36);
  });

  it('is short for another tenant, which would start before the rest of them', () => {
    const { queue } = measured({ limit: 2 });
    enter(queue, 'flood', 10);
    enter(queue, 'flood', 10);
    enter(queue, 'b', 5);
    expect(refused(queue, 'c')).toBe(15);
    expect(refused(queue, 'flood')).toBe(25);
  });

  it('counts all that run at once', () => {
    const { queue } = measured({ concurrency: 2, limit: 0 });
    enter(queue, 'a', 10);
    enter(queue, 'b', 20);
    expect(refused(queue, 'c')).toBe(10);
  });

  it('is at least 1 s and at most 60 s', () => {
    const { queue, pass } = measured({ limit: 0 });
    enter(queue, 'a', 1_000);
    expect(refused(queue, 'b')).toBe(60);
    pass(5_000); // long over its time
    expect(refused(queue, 'b')).toBe(1);
  });

  it('learns nothing from a request that was cut short', () => {
    const { queue } = measured({ limit: 0 });
    for (let i = 0; i < 20; i++) {
      const leaving = new AbortController();
      const ticket = enter(queue, 'a', 1_000, leaving.signal);
      leaving.abort();
      ticket.leave();
    }
    enter(queue, 'a', 10);
    expect(refused(queue, 'b')).toBe(10);
  });
});

describe('the queue, over random arrivals', () => {
  const tenants = ['a', 'b', 'c', 'd'] as const;
  const act = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ tenant: fc.constantFrom(...tenants), cost: fc.integer({ min: 1, max: 100 }) }),
    },
    { weight: 2, arbitrary: fc.record({ leave: fc.nat(1_000), twice: fc.boolean(), abort: fc.boolean() }) },
  );

  it('keeps its bounds, never refuses a tenant below its share, and frees every place', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { maxLength: 80 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 4, max: 9 }),
        async (acts, concurrency, limit) => {
          const queue = create({ concurrency, limit, tenantLimit: limit - 1 });
          let inside: { tenant: string; ticket: Ticket; controller: AbortController; out: boolean }[] = [];
          for (const one of acts) {
            if ('tenant' in one) {
              const controller = new AbortController();
              const entered = ask(queue, one.tenant, one.cost, controller.signal);
              if (entered.ok) {
                const place = { tenant: one.tenant, ticket: entered.value, controller, out: false };
                inside.push(place);
                place.ticket.turn.catch(() => {
                  place.out = true;
                });
              } else {
                const waiting = inside.filter(({ ticket, out }) => !out && ticket.position > 0);
                const own = waiting.filter(({ tenant }) => tenant === one.tenant).length;
                // four tenants at most: below a quarter nobody is refused
                expect(own).toBeGreaterThanOrEqual(Math.floor(limit / tenants.length));
              }
            } else {
              const place = inside[one.leave % Math.max(1, inside.length)];
              if (place !== undefined) {
                if (one.abort) place.controller.abort(new Error('gone'));
                place.ticket.leave();
                if (one.twice) place.ticket.leave();
                inside = inside.filter((other) => other !== place);
              }
            }
            await Promise.resolve();
            await Promise.resolve();
            inside = inside.filter(({ out }) => !out);
            expect(queue.waiting).toBeLessThanOrEqual(limit);
            expect(queue.running).toBe(Math.min(concurrency, inside.length));
            expect(queue.running + queue.waiting).toBe(inside.length);
            const places = positions(inside.map(({ ticket }) => ticket)).filter((position) => position > 0);
            expect(places.sort((x, y) => x - y)).toEqual(places.map((_, index) => index + 1));
          }
          for (const { ticket } of inside) ticket.leave();
          expect([queue.running, queue.waiting, queue.tenants]).toEqual([0, 0, 0]);
          await queue.idle();
        },
      ),
    );
  });

  it('starts those who wait in the order of their positions, with one slot and no newcomers', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ tenant: fc.constantFrom(...tenants), cost: fc.integer({ min: 1, max: 100 }) }), {
          minLength: 2,
          maxLength: 12,
        }),
        (requests) => {
          const queue = create({ limit: 20 });
          let inside = requests.map(({ tenant, cost }) => enter(queue, tenant, cost));
          const foretold = [...inside].sort((x, y) => x.position - y.position);
          const started: Ticket[] = [];
          while (inside.length > 0) {
            const running = inside.find(({ position }) => position === 0);
            if (running === undefined) throw new Error('nobody runs');
            started.push(running);
            inside = inside.filter((ticket) => ticket !== running);
            running.leave();
          }
          expect(started.map((ticket) => foretold.indexOf(ticket))).toEqual(started.map((_, index) => index));
        },
      ),
    );
  });
});
