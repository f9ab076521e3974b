// Builds an ONNX graph node by node. A Tensor is only a name in the graph; running it is onnxruntime's business.
import {
  type Attribute,
  type Constant,
  type Dimension,
  type ElementType,
  modelBytes,
  type Node,
  type Value,
} from './protobuf.ts';

export interface Tensor {
  readonly name: string;
}

/** A model cut out of a graph, and the names of its inputs. */
export interface Part {
  readonly inputs: readonly string[];
  readonly bytes: Uint8Array;
}

export class Graph {
  readonly #nodes: Node[] = [];
  readonly #constants = new Map<string, Constant>();
  readonly #inputs: Value[] = [];
  readonly #outputs: Value[] = [];
  readonly #known: Value[] = [];
  #next = 0;

  input(name: string, type: ElementType, shape: readonly Dimension[]): Tensor {
    this.#inputs.push({ name, type, shape });
    return { name };
  }

  output(tensor: Tensor, name: string, shape: readonly Dimension[]): void {
    this.#nodes.push({ op: 'Identity', domain: '', inputs: [tensor.name], outputs: [name], attributes: {} });
    this.#outputs.push({ name, type: 'float32', shape });
  }

  /** One node with one output. */
  op(op: string, inputs: readonly Tensor[], attributes: Record<string, Attribute> = {}, domain = ''): Tensor {
    return this.ops(op, inputs, 1, attributes, domain)[0] as Tensor; // one was asked for
  }

  ops(
    op: string,
    inputs: readonly Tensor[],
    count: number,
    attributes: Record<string, Attribute> = {},
    domain = '',
  ): Tensor[] {
    const outputs = Array.from({ length: count }, () => `t${this.#next++}`);
    this.#nodes.push({ op, domain, inputs: inputs.map(({ name }) => name), outputs, attributes });
    return outputs.map((name) => ({ name }));
  }

  /**
   * x in another shape, in which one dimension may be known at run time only. Its name tells onnxruntime which values
   * are equally large: those whose size it does not know it compares with every other, and a graph of thousands of them
   * takes it half a minute to plan.
   */
  reshape(x: Tensor, shape: readonly Dimension[]): Tensor {
    const result = this.op('Reshape', [x, this.ints(shape.map((dim) => (typeof dim === 'number' ? dim : -1)))]);
    this.describe(result, shape);
    return result;
  }

  /** Says what shape a value has, where onnxruntime does not find it by itself. */
  describe(x: Tensor, shape: readonly Dimension[]): void {
    this.#known.push({ name: x.name, type: 'float32', shape });
  }

  /** Constants of equal value are one. */
  ints(values: readonly number[]): Tensor {
    const name = `i_${values.join('_')}`;
    const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    this.#constants.set(name, { name, type: 'int64', shape: [values.length], data });
    return { name };
  }

  scalar(value: number): Tensor {
    const name = `f_${value}`;
    this.#constants.set(name, {
      name,
      type: 'float32',
      shape: [],
      data: new Uint8Array(Float32Array.of(value).buffer),
    });
    return { name };
  }

  /** How many nodes there are so far: a border that part() understands. */
  get size(): number {
    return this.#nodes.length;
  }

  /** Names of the values that these ops gave among the first `count` nodes. */
  outputsOf(ops: readonly string[], count: number): Set<string> {
    return new Set(this.#nodes.slice(0, count).flatMap(({ op, outputs }) => (ops.includes(op) ? outputs : [])));
  }

  /**
   * The nodes that lead to `wanted`, as a model of their own. Where the way back meets a value of `given`, that value is
   * an input instead; what leads to it is left out. `inputs` names what the model takes.
   */
  part(given: ReadonlySet<string>, wanted: readonly { readonly tensor: Tensor; readonly name: string }[]): Part {
    const needed = new Set(wanted.map(({ tensor }) => tensor.name));
    const nodes: Node[] = [];
    for (const node of this.#nodes.toReversed()) {
      if (!node.outputs.some((name) => needed.has(name) && !given.has(name))) continue;
      nodes.push(node);
      for (const name of node.inputs) needed.add(name);
    }
    const inputs = this.#inputs.filter(({ name }) => needed.has(name));
    for (const name of given) {
      if (needed.has(name)) inputs.push(this.#known.find((value) => value.name === name) ?? { name, type: 'float32' });
    }
    const outputs = wanted.map(({ name }): Value => ({ name, type: 'float32' }));
    for (const { tensor, name } of wanted) {
      nodes.unshift({ op: 'Identity', domain: '', inputs: [tensor.name], outputs: [name], attributes: {} });
    }
    const constants = [...this.#constants.values()].filter(({ name }) => needed.has(name));
    const made = new Set(nodes.flatMap((node) => node.outputs));
    const known = this.#known.filter(({ name }) => made.has(name));
    return {
      inputs: inputs.map(({ name }) => name),
      bytes: modelBytes({ nodes: nodes.toReversed(), constants, inputs, outputs, known }),
    };
  }

  bytes(): Uint8Array {
    return modelBytes({
      nodes: this.#nodes,
      constants: [...this.#constants.values()],
      inputs: this.#inputs,
      outputs: this.#outputs,
      known: this.#known,
    });
  }
}
