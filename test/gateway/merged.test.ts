// Several streams as one: nothing is lost, nobody waits for another, and one that fails or a reader who leaves ends all.
import { describe, expect, it } from 'vitest';
import { merged } from '../../gateway/merged.ts';

const pauseUntil = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe('merged streams', () => {
  it('give what each gives, in its order', async () => {
    async function* count(name: string, times: number) {
      for (let i = 0; i < times; i++) yield `${name}${i}`;
    }
    const all = await Array.fromAsync(merged([count('a', 3), count('b', 0), count('c', 5)], () => {}));
    expect(all.filter((one) => one.startsWith('a'))).toEqual(['a0', 'a1', 'a2']);
    expect(all.filter((one) => one.startsWith('c'))).toEqual(['c0', 'c1', 'c2', 'c3', 'c4']);
    expect(await Array.fromAsync(merged([], () => {}))).toEqual([]);
  });

  it.each(['fails', 'is left'])('end all of them when one %s', async (how) => {
    const over = new AbortController();
    const ended: string[] = [];
    async function* hangs(name: string): AsyncGenerator<string, void, void> {
      try {
        await pauseUntil(over.signal);
        yield name;
      } finally {
        ended.push(name);
      }
    }
    async function* once(): AsyncGenerator<string, void, void> {
      yield 'one';
      throw new Error('broke');
    }
    const read = async () => {
      for await (const _ of merged([hangs('a'), once(), hangs('b')], () => over.abort(new Error('over')))) {
        if (how === 'is left') break;
      }
    };
    if (how === 'fails') await expect(read()).rejects.toThrow('broke');
    else await read();
    expect(ended.toSorted()).toEqual(['a', 'b']);
  });
});
