import { describe, expect, it } from 'vitest';
import { Queue, type Ticket } from '../../gateway/queue.ts';

const never = new AbortController().signal;
const enter = (queue: Queue, signal = never): Ticket => {
  const entered = queue.enter(signal);
  if (!entered.ok) throw new Error(`refused: ${entered.fault.kind}`);
  return entered.value;
};
const isRunning = (ticket: Ticket): boolean => ticket.position === 0;

describe('the queue', () => {
  it('runs as many as the backend has workers and lets the rest wait in order', () => {
    const queue = new Queue({ concurrency: 2, limit: 3 });
    const tickets = [enter(queue), enter(queue), enter(queue), enter(queue)];
    expect(tickets.map((ticket) => ticket.position)).toEqual([0, 0, 1, 2]);
    tickets[0]?.leave();
    expect(tickets.slice(1).map((ticket) => ticket.position)).toEqual([0, 0, 1]);
  });

  it('refuses the newcomer over the limit with a Retry-After made from the line and the mean turn', () => {
    const queue = new Queue({ concurrency: 1, limit: 1 });
    enter(queue);
    enter(queue);
    const refused = queue.enter(never);
    expect(refused).toMatchObject({ ok: false, fault: { kind: 'queue_full', waiting: 1, limit: 1, retryAfterS: 4 } });
  });

  it('lets a waiting caller leave without taking a turn', async () => {
    const queue = new Queue({ concurrency: 1, limit: 3 });
    const first = enter(queue);
    const leaving = new AbortController();
    const second = enter(queue, leaving.signal);
    const third = enter(queue);
    const moves: number[] = [];
    third.onMove((position) => moves.push(position));
    leaving.abort(new Error('gone'));
    await expect(second.turn).rejects.toThrow('gone');
    expect(moves).toEqual([1]);
    first.leave();
    expect(isRunning(third)).toBe(true);
    expect([queue.running, queue.waiting]).toEqual([1, 0]);
  });

  it('keeps the place of a running caller until it leaves by itself, once', () => {
    const queue = new Queue({ concurrency: 1, limit: 1 });
    const leaving = new AbortController();
    const first = enter(queue, leaving.signal);
    leaving.abort();
    expect(queue.running).toBe(1);
    first.leave();
    first.leave();
    expect(queue.running).toBe(0);
  });

  it('refuses everybody after close, and finishes those inside', () => {
    const queue = new Queue({ concurrency: 1, limit: 2 });
    const first = enter(queue);
    const second = enter(queue);
    queue.close();
    expect(queue.enter(never)).toMatchObject({ ok: false, fault: { kind: 'shutting_down' } });
    first.leave();
    expect(isRunning(second)).toBe(true);
  });
});
