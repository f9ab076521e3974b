// Graphs are compiled ahead of the first request, in the order in which it needs them, and never in its way.
import { describe, expect, it } from 'vitest';
import type { TuningDefaults } from '../../gateway/backends/contract.ts';
import { createWarmUp, type Graphs, warmUpTasks } from '../../gateway/backends/embedded/warmup.ts';

const defaults = (method: 'full' | 'lora'): TuningDefaults => ({
  method,
  rank: 32,
  learningRate: { full: 1e-4, lora: 1e-3 },
  from: 'size',
});

const compiledOf = async (method: 'full' | 'lora'): Promise<string[]> => {
  const compiled: string[] = [];
  const graph = (name: string) => async (rank: number) => {
    compiled.push(`${name} ${rank}`);
    return { run: async () => ({}), release: async () => {} };
  };
  const graphs: Graphs = {
    training: graph('training'),
    prompt: graph('prompt'),
    next: graph('next'),
    scoring: graph('scoring'),
  };
  for (const task of warmUpTasks(graphs, defaults(method))) await task();
  return compiled;
};

/** A queue in place of the event loop. */
const loop = () => {
  const waiting: (() => void)[] = [];
  return {
    later: (go: () => void) => void waiting.push(go),
    async turn() {
      waiting.shift()?.();
      await Promise.resolve().then(() => {}); // what the task's own promises bring
      await new Promise((done) => setImmediate(done));
    },
    get waiting() {
      return waiting.length;
    },
  };
};

describe('warming up', () => {
  it("compiles what the model's own method needs, then what serves it untuned", async () => {
    expect(await compiledOf('full')).toEqual(['training 0', 'prompt 0', 'next 0', 'scoring 0']);
    expect(await compiledOf('lora')).toEqual([
      'training 32',
      'prompt 32',
      'next 32',
      'scoring 32',
      'prompt 0',
      'next 0',
      'scoring 0',
    ]);
  });

  it('does one task a turn, passes over one that fails, and ends', async () => {
    const turns = loop();
    const { later, turn } = turns;
    const done: string[] = [];
    const warmUp = createWarmUp(later, () => false);
    warmUp.add([
      async () => void done.push('a'),
      async () => {
        throw new Error('cannot be compiled');
      },
      async () => void done.push('b'),
    ]);
    expect(done).toEqual([]);
    await turn();
    expect(done).toEqual(['a']);
    await turn();
    expect(done).toEqual(['a']);
    await turn();
    expect(done).toEqual(['a', 'b']);
    await turn();
    await turn();
    expect(turns.waiting).toBe(0);
  });

  it('begins nothing while somebody is served, and goes on afterwards, once', async () => {
    const turns = loop();
    const { later, turn } = turns;
    const done: string[] = [];
    let busy = false;
    const warmUp = createWarmUp(later, () => busy);
    warmUp.add([async () => void done.push('a'), async () => void done.push('b'), async () => void done.push('c')]);
    await turn();
    expect(done).toEqual(['a']);
    busy = true;
    await turn();
    await turn();
    expect(done).toEqual(['a']);
    expect(turns.waiting).toBe(0);
    busy = false;
    warmUp.resume();
    warmUp.resume();
    expect(turns.waiting).toBe(1);
    for (let n = 0; n < 4; n++) await turn();
    expect(done).toEqual(['a', 'b', 'c']);
  });
});
