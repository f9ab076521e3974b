// Every operation's gradient against central differences of its own forward pass.
import { describe, expect, it } from 'vitest';
import { Graph, type Tensor } from '../../gateway/backends/embedded/onnx/graph.ts';
import { Tape, type Var } from '../../gateway/backends/embedded/onnx/tape.ts';
import { compile, type Feeds, floats, ints } from '../../gateway/backends/embedded/runtime.ts';
import { seededRandom } from '../../wire/random.ts';

type Shape = readonly number[];
const size = (shape: Shape): number => shape.reduce((product, dim) => product * dim, 1);

interface Case {
  /** Variables that are differentiated, by name. */
  readonly variables: Record<string, Shape>;
  readonly output: Shape;
  build(tape: Tape, v: Record<string, Var>, graph: Graph): Var;
  /** Further inputs, not differentiated. */
  readonly extra?: (graph: Graph) => Record<string, Tensor>;
  readonly extraFeeds?: Feeds;
}

const T = 5;
const angleFeeds = {
  cos: floats(
    Float32Array.from({ length: T * 2 }, (_, i) => Math.cos(i)),
    [T, 2],
  ),
  sin: floats(
    Float32Array.from({ length: T * 2 }, (_, i) => Math.sin(i)),
    [T, 2],
  ),
};
const one = (v: Record<string, Var>, name: string): Var => {
  const found = v[name];
  if (found === undefined) throw new Error(name);
  return found;
};

const cases: Record<string, Case> = {
  linear: { variables: { x: [T, 3], w: [4, 3] }, output: [T, 4], build: (t, v) => t.linear(one(v, 'x'), one(v, 'w')) },
  'linear, with a bias': {
    variables: { x: [T, 3], w: [4, 3], b: [4] },
    output: [T, 4],
    build: (t, v) => t.linear(one(v, 'x'), one(v, 'w'), one(v, 'b')),
  },
  scale: { variables: { x: [T, 3] }, output: [T, 3], build: (t, v) => t.scale(one(v, 'x'), 2.5) },
  plus: { variables: { x: [T, 3] }, output: [T, 3], build: (t, v) => t.plus(one(v, 'x'), 1) },
  cap: { variables: { x: [T, 3] }, output: [T, 3], build: (t, v) => t.cap(one(v, 'x'), 0.7) },
  geglu: { variables: { a: [T, 6], b: [T, 6] }, output: [T, 6], build: (t, v) => t.geglu(one(v, 'a'), one(v, 'b')) },
  'split into parts of several widths, one used twice': {
    variables: { x: [T, 6] },
    output: [T, 2],
    build: (t, v) => {
      const [a, b, c] = t.split(one(v, 'x'), [2, 1, 3]) as [Var, Var, Var];
      const wide = t.linear(c, t.constant(t.graph.op('Expand', [t.graph.scalar(0.5), t.graph.ints([2, 3])])));
      const column = t.linear(b, t.constant(t.graph.op('Expand', [t.graph.scalar(2), t.graph.ints([2, 1])])));
      return t.add(t.swiglu(a, wide), t.add(a, column));
    },
  },
  lowRank: {
    variables: { z: [T, 4], x: [T, 3], a: [2, 3], b: [4, 2] },
    output: [T, 4],
    build: (t, v) => t.lowRank(one(v, 'z'), one(v, 'x'), one(v, 'a'), one(v, 'b'), 2.5),
  },
  'add, of one variable twice': {
    variables: { x: [T, 3] },
    output: [T, 3],
    build: (t, v) => t.add(one(v, 'x'), one(v, 'x')),
  },
  swiglu: { variables: { a: [T, 6], b: [T, 6] }, output: [T, 6], build: (t, v) => t.swiglu(one(v, 'a'), one(v, 'b')) },
  'rmsNorm of rows': {
    variables: { x: [T, 6], w: [6] },
    output: [T, 6],
    build: (t, v) => t.rmsNorm(one(v, 'x'), one(v, 'w'), 1e-5, [0]),
  },
  'rmsNorm of heads': {
    variables: { x: [T, 2, 6], w: [6] },
    output: [T, 2, 6],
    build: (t, v) => t.rmsNorm(one(v, 'x'), one(v, 'w'), 1e-5, [0, 1]),
  },
  'reshape and transpose': {
    variables: { x: [T, 6] },
    output: [2, T, 3],
    build: (t, v) => t.transpose(t.reshape(one(v, 'x'), ['T', 2, 3], ['T', 6]), [1, 0, 2]),
  },
  rotate: {
    variables: { x: [2, T, 4] },
    output: [2, T, 4],
    extra: (g) => ({ cos: g.input('cos', 'float32', [T, 2]), sin: g.input('sin', 'float32', [T, 2]) }),
    extraFeeds: angleFeeds,
    build: (t, v) => t.rotate(one(v, 'x'), { name: 'cos' }, { name: 'sin' }, { rotated: 4, kept: 0 }),
  },
  'rotate, of a part of each head': {
    variables: { x: [2, T, 7] },
    output: [2, T, 7],
    extra: (g) => ({ cos: g.input('cos', 'float32', [T, 2]), sin: g.input('sin', 'float32', [T, 2]) }),
    extraFeeds: angleFeeds,
    build: (t, v) => t.rotate(one(v, 'x'), { name: 'cos' }, { name: 'sin' }, { rotated: 4, kept: 3 }),
  },
  matmulTransposed: {
    variables: { a: [2, T, 3], b: [2, 4, 3] },
    output: [2, T, 4],
    build: (t, v) => t.matmulTransposed(one(v, 'a'), one(v, 'b'), 0.5),
  },
  matmul: {
    variables: { a: [2, T, 3], b: [2, 3, 4] },
    output: [2, T, 4],
    build: (t, v) => t.matmul(one(v, 'a'), one(v, 'b')),
  },
  softmax: {
    variables: { x: [2, T, 4] },
    output: [2, T, 4],
    extra: (g) => ({ mask: g.input('mask', 'float32', [T, 4]) }),
    extraFeeds: {
      mask: floats(
        Float32Array.from({ length: T * 4 }, (_, i) => (i % 4 === 3 ? -1e9 : 0)),
        [T, 4],
      ),
    },
    build: (t, v) => t.softmax(one(v, 'x'), { name: 'mask' }),
  },
  'gather, with an id twice': {
    variables: { table: [7, 3] },
    output: [T, 3],
    extra: (g) => ({ ids: g.input('ids', 'int64', [T]) }),
    extraFeeds: { ids: ints([1, 6, 1, 0, 3]) },
    build: (t, v) => t.gather(one(v, 'table'), { name: 'ids' }, 7, 3),
  },
  'crossEntropy, weighted, tied to nothing': {
    variables: { x: [T, 3], e: [7, 3] },
    output: [],
    extra: (g) => ({ targets: g.input('targets', 'int64', [T]), weights: g.input('weights', 'float32', [T]) }),
    extraFeeds: { targets: ints([1, 6, 1, 0, 3]), weights: floats(Float32Array.of(0.5, 0.1, 0, 0.2, 0.3), [T]) },
    build: (t, v) => t.crossEntropy(one(v, 'x'), one(v, 'e'), { name: 'targets' }, { name: 'weights' }),
  },
  'crossEntropy of capped logits': {
    variables: { x: [T, 3], e: [7, 3] },
    output: [],
    extra: (g) => ({ targets: g.input('targets', 'int64', [T]), weights: g.input('weights', 'float32', [T]) }),
    extraFeeds: { targets: ints([1, 6, 1, 0, 3]), weights: floats(Float32Array.of(0.5, 0.1, 0, 0.2, 0.3), [T]) },
    build: (t, v) => t.crossEntropy(one(v, 'x'), one(v, 'e'), { name: 'targets' }, { name: 'weights' }, 0.8),
  },
};

describe('the tape', () => {
  it.each(Object.entries(cases))(
    'differentiates %s',
    async (_, { variables, output, build, extra, extraFeeds = {} }) => {
      const graph = new Graph();
      const tape = new Tape(graph);
      const v = Object.fromEntries(
        Object.entries(variables).map(([name, shape]) => [name, tape.parameter(graph.input(name, 'float32', shape))]),
      );
      extra?.(graph);
      const isLoss = output.length === 0;
      const seed = isLoss ? graph.scalar(1) : graph.input('seed', 'float32', output);
      const y = build(tape, v, graph);
      tape.backward(y, seed);
      graph.output(y, 'y', output);
      for (const [name, shape] of Object.entries(variables))
        graph.output(tape.grad(one(v, name)), `grad:${name}`, shape);
      const session = await compile(graph.bytes(), 1);

      const random = seededRandom(4);
      const draw = (shape: Shape): Float32Array => Float32Array.from({ length: size(shape) }, () => 2 * random() - 1);
      const values = Object.fromEntries(Object.entries(variables).map(([name, shape]) => [name, draw(shape)]));
      const seeds = isLoss ? Float32Array.of(1) : draw(output);
      const run = () =>
        session.run({
          ...Object.fromEntries(
            Object.entries(variables).map(([n, shape]) => [n, floats(values[n] ?? new Float32Array(), shape)]),
          ),
          ...extraFeeds,
          ...(isLoss ? {} : { seed: floats(seeds, output) }),
        });
      const objective = async (): Promise<number> =>
        ((await run()).y ?? new Float32Array()).reduce((sum, value, i) => sum + value * (seeds[i] ?? 0), 0);
      const outputs = await run();
      const step = 1e-2;
      for (const [name, array] of Object.entries(values)) {
        const grad = outputs[`grad:${name}`];
        expect(grad?.length).toBe(array.length);
        for (let i = 0; i < array.length; i++) {
          const at = array[i] ?? 0;
          array[i] = at + step;
          const up = await objective();
          array[i] = at - step;
          const down = await objective();
          array[i] = at;
          expect(Math.abs((up - down) / (2 * step) - (grad?.[i] ?? Number.NaN)), `${name}[${i}]`).toBeLessThan(2e-3);
        }
      }
      await session.release();
    },
  );
});
