// The server's side of Tinker's tensors, for the scripted server: reads what gateway/backends/tinker/messages.ts writes, and
// writes what it reads.
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

export interface LossCall {
  modelId: string;
  seqId: number;
  forwardOnly: boolean;
  inputs: number[];
  targets: number[];
  weights: number[];
  lossFn: string;
}

type Visit = (field: number, reader: BinaryReader) => boolean;
const visit = (bytes: Uint8Array, known: Visit): void => {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (!known(field, reader)) reader.skip(type, field);
  }
};

export const readLossCall = (bytes: Uint8Array): LossCall => {
  const call: LossCall = {
    modelId: '',
    seqId: 0,
    forwardOnly: false,
    inputs: [],
    targets: [],
    weights: [],
    lossFn: '',
  };
  const readTensor = (key: string, tensor: Uint8Array): void =>
    visit(tensor, (field, reader) => {
      if (field !== 1) return false;
      const data = new Uint8Array(reader.bytes()).buffer;
      if (key === 'weights') call.weights = Array.from(new Float32Array(data));
      else call.targets = Array.from(new BigInt64Array(data), Number);
      return true;
    });
  const readEntry = (entry: Uint8Array): void => {
    let key = '';
    visit(entry, (field, reader) => {
      if (field === 1) key = reader.string();
      else if (field === 2) readTensor(key, reader.bytes());
      else return false;
      return true;
    });
  };
  const readDatum = (datum: Uint8Array): void =>
    visit(datum, (field, reader) => {
      if (field === 2) readEntry(reader.bytes());
      else if (field === 1) {
        visit(reader.bytes(), (chunk, text) => {
          if (chunk !== 1) return false;
          visit(text.bytes(), (tokens, ids) => {
            if (tokens !== 1) return false;
            call.inputs.push(...new Int32Array(new Uint8Array(ids.bytes()).buffer));
            return true;
          });
          return true;
        });
      } else return false;
      return true;
    });
  visit(bytes, (field, reader) => {
    if (field === 1) call.modelId = reader.string();
    else if (field === 2) call.seqId = reader.int32();
    else if (field === 3) readDatum(reader.bytes());
    else if (field === 4) call.lossFn = reader.string();
    else if (field === 6) call.forwardOnly = reader.bool();
    else return false;
    return true;
  });
  return call;
};

const inner = (writer: BinaryWriter, field: number, write: () => void): void => {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
};
const raw = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** ForwardBackwardOutput with the fields and metrics that the SDK's server sends. */
export const writeLosses = (logprobs: Float32Array): Uint8Array => {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string('CrossEntropyLossReturn');
  inner(writer, 2, () => {
    for (const [key, data] of [
      ['elementwise_loss', logprobs.map((logp) => -logp)],
      ['logprobs', logprobs],
    ] as const) {
      inner(writer, 2, () => {
        writer.tag(1, WireType.LengthDelimited).string(key);
        inner(writer, 2, () => {
          writer.tag(1, WireType.LengthDelimited).bytes(raw(data));
          writer.tag(2, WireType.LengthDelimited).bytes(raw(BigInt64Array.of(0n, BigInt(data.byteLength))));
          writer.tag(3, WireType.Varint).int32(1);
        });
      });
    }
    writer.tag(3, WireType.Varint).int64(1);
  });
  inner(writer, 3, () => {
    writer.tag(1, WireType.LengthDelimited).string('loss:sum');
    writer.tag(2, WireType.Bit64).double(1);
  });
  return writer.finish();
};

/** SampleResponse. */
export const writeSample = (
  tokens: readonly number[],
  logprobs: readonly number[],
  reason: 'stop' | 'length',
): Uint8Array => {
  const writer = new BinaryWriter();
  inner(writer, 1, () => {
    if (reason === 'length') writer.tag(1, WireType.Varint).int32(1);
    writer.tag(2, WireType.LengthDelimited).bytes(raw(Int32Array.from(tokens)));
    writer.tag(3, WireType.LengthDelimited).bytes(raw(Float32Array.from(logprobs)));
  });
  writer.tag(4, WireType.Varint).int32(3);
  return writer.finish();
};
