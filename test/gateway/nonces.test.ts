import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { NonceMemory } from '../../gateway/nonces.ts';
import { MAX_NONCES } from '../../wire/limits.ts';

const nonceOf = (i: number): string => i.toString(16).padStart(32, '0');
const NOW = 1_800_000_000;

describe('the memory of nonces', () => {
  it('admits a nonce once, for as long as its time would pass', () => {
    const memory = new NonceMemory();
    expect(memory.admit(nonceOf(1), NOW, NOW)).toBe('new');
    for (const later of [0, 1, 59, 60]) expect(memory.admit(nonceOf(1), NOW, NOW + later)).toBe('used');
    expect(memory.admit(nonceOf(2), NOW, NOW + 60)).toBe('new');
  });

  it('remembers a nonce that was signed ahead for as long as its time would pass', () => {
    const memory = new NonceMemory();
    expect(memory.admit(nonceOf(1), NOW + 60, NOW)).toBe('new');
    expect(memory.admit(nonceOf(2), NOW, NOW)).toBe('new');
    expect(memory.admit(nonceOf(1), NOW + 60, NOW + 120)).toBe('used');
  });

  it('forgets what has run out, whatever was signed ahead before it', () => {
    const memory = new NonceMemory();
    memory.admit(nonceOf(0), NOW + 60, NOW);
    for (let i = 1; i <= 100; i++) memory.admit(nonceOf(i), NOW, NOW);
    expect(memory.size).toBe(101);
    expect(memory.admit(nonceOf(200), NOW + 61, NOW + 61)).toBe('new');
    expect(memory.size).toBe(2);
  });

  it('never admits again what it forgot, even if the clock was set back', () => {
    const memory = new NonceMemory();
    memory.admit(nonceOf(1), NOW, NOW);
    memory.admit(nonceOf(2), NOW + 100, NOW + 100);
    expect(memory.admit(nonceOf(1), NOW, NOW + 20)).toBe('stale');
    expect(memory.admit(nonceOf(3), NOW + 40, NOW + 20)).toBe('new');
  });

  it('says that it is full, never that a new nonce was used, and says when it has room', () => {
    const memory = new NonceMemory(3);
    expect([1, 2, 3].map((i) => memory.admit(nonceOf(i), NOW + i, NOW + 3))).toEqual(['new', 'new', 'new']);
    expect(memory.admit(nonceOf(4), NOW + 3, NOW + 3)).toBe('full');
    expect(memory.admit(nonceOf(2), NOW + 2, NOW + 3)).toBe('used');
    expect(memory.size).toBe(3);
    const room = memory.roomInS(NOW + 3);
    expect(room).toBe(59);
    expect(memory.admit(nonceOf(4), NOW + 3, NOW + 3 + room - 1)).toBe('full');
    expect(memory.admit(nonceOf(4), NOW + 3, NOW + 3 + room)).toBe('new');
  });

  it('holds its bound in less than 100 bytes a nonce', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const memory = new NonceMemory();
    collect();
    const before = process.memoryUsage().heapUsed;
    // signatures as they come: the nonce is a slice of a header that must not be kept
    for (let i = 0; i < MAX_NONCES; i++) {
      const header = `t=1800000000,n=${nonceOf(i)},h=${'0'.repeat(64)},s=${'0'.repeat(64)}`;
      memory.admit(header.slice(15, 47), NOW + (i % 120), NOW + 60);
    }
    collect();
    const perNonce = (process.memoryUsage().heapUsed - before) / MAX_NONCES;
    expect(memory.size).toBe(MAX_NONCES);
    expect(memory.admit(nonceOf(MAX_NONCES), NOW + 60, NOW + 60)).toBe('full');
    expect(perNonce).toBeLessThan(100);
  });
});
