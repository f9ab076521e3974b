// The few protobuf messages of an ONNX file that a graph needs, written by hand: field numbers are those of onnx.proto3.
// Only writing, only what graph.ts emits; no dependency, because the format's part used here is small and frozen.

const utf8 = new TextEncoder();

class Writer {
  #bytes = new Uint8Array(1024);
  #size = 0;

  #room(more: number): void {
    if (this.#size + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#size + more));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
  }

  varint(value: number | bigint): this {
    this.#room(10);
    let rest = BigInt.asUintN(64, BigInt(value)); // negative numbers take ten bytes, as protobuf has it
    while (rest > 0x7fn) {
      this.#bytes[this.#size++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#size++] = Number(rest);
    return this;
  }

  int(field: number, value: number | bigint): this {
    return this.varint(field << 3).varint(value);
  }

  float(field: number, value: number): this {
    this.varint((field << 3) | 5);
    this.#room(4);
    new DataView(this.#bytes.buffer).setFloat32(this.#size, value, true);
    this.#size += 4;
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.varint((field << 3) | 2).varint(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#size);
    this.#size += value.length;
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value));
  }

  message(field: number, value: Writer): this {
    return this.bytes(field, value.done());
  }

  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }
}

export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface Node {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export type ElementType = 'float32' | 'int64';
export type Dimension = number | string;

export interface Value {
  readonly name: string;
  readonly type: ElementType;
  /** A string is a dimension known only at run time; without a shape not even their number is. */
  readonly shape?: readonly Dimension[];
}

export interface Constant {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const ELEMENT: Record<ElementType, number> = { float32: 1, int64: 7 };

const attribute = (name: string, value: Attribute): Writer => {
  const out = new Writer().text(1, name);
  if (typeof value === 'number') return out.int(3, value).int(20, 2);
  if (typeof value === 'string') return out.text(4, value).int(20, 3);
  if ('float' in value) return out.float(2, value.float).int(20, 1);
  for (const item of value) out.int(8, item);
  return out.int(20, 7);
};

const node = ({ op, domain, inputs, outputs, attributes }: Node): Writer => {
  const out = new Writer();
  for (const name of inputs) out.text(1, name);
  for (const name of outputs) out.text(2, name);
  out.text(4, op);
  for (const [name, value] of Object.entries(attributes)) out.message(5, attribute(name, value));
  return out.text(7, domain);
};

const value = ({ name, type, shape }: Value): Writer => {
  const dims = new Writer();
  for (const dim of shape ?? []) {
    dims.message(1, typeof dim === 'number' ? new Writer().int(1, dim) : new Writer().text(2, dim));
  }
  const tensor = new Writer().int(1, ELEMENT[type]);
  if (shape !== undefined) tensor.message(2, dims);
  return new Writer().text(1, name).message(2, new Writer().message(1, tensor));
};

const constant = ({ name, type, shape, data }: Constant): Writer => {
  const out = new Writer();
  for (const dim of shape) out.int(1, dim);
  return out.int(2, ELEMENT[type]).text(8, name).bytes(9, data);
};

/** A whole model: IR 10, opset 18, and ONNX Runtime's own operator domain. */
export const modelBytes = (graph: {
  nodes: readonly Node[];
  constants: readonly Constant[];
  inputs: readonly Value[];
  outputs: readonly Value[];
  /** Values in between whose shape is told, because it cannot be inferred. */
  known: readonly Value[];
}): Uint8Array => {
  const body = new Writer();
  for (const item of graph.nodes) body.message(1, node(item));
  body.text(2, 'graph');
  for (const item of graph.constants) body.message(5, constant(item));
  for (const item of graph.inputs) body.message(11, value(item));
  for (const item of graph.outputs) body.message(12, value(item));
  for (const item of graph.known) body.message(13, value(item));
  return new Writer()
    .int(1, 10)
    .text(2, 'sift-edge')
    .message(7, body)
    .message(8, new Writer().text(1, '').int(2, 18))
    .message(8, new Writer().text(1, 'com.microsoft').int(2, 1))
    .done();
};
