// The bodies of Tinker's wire that carry tensors, in both of its shapes: protobuf, which the SDK speaks from 0.25 on and
// 0.38 alone, and the JSON of servers that are older. Six small messages by their field numbers (SDK 0.38's
// tinker_public.proto), over the reader and writer of @bufbuild/protobuf; a field that is not known here is passed over.
// Tensors are little-endian, as are all machines that Node runs on.
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { z } from 'zod';

export interface Datum {
  /** Each but the first is a target. */
  readonly ids: readonly number[];
  /** One for each target. The loss is their sum over −log p, so that 1/n makes it a mean. */
  readonly weights: Float32Array;
}

export interface LossRequest {
  readonly modelId: string;
  readonly seqId: number;
  readonly datum: Datum;
  /** Without a gradient. */
  readonly forwardOnly: boolean;
}

export interface Sample {
  readonly tokens: readonly number[];
  /** How probable each was, where the server says so. */
  readonly logprobs: readonly number[] | undefined;
  readonly stopReason: 'stop' | 'length';
}

const FLOAT32 = 1;
const INT64 = 2;
const BFLOAT16 = 4;
const CROSS_ENTROPY = 'cross_entropy';

const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** A copy of bytes that may begin anywhere: typed arrays must be aligned. */
const aligned = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

const message = (writer: BinaryWriter, field: number, write: (inner: BinaryWriter) => void): void => {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
};

const tensor = (writer: BinaryWriter, key: string, data: ArrayBufferView, dtype: number, length: number): void =>
  message(writer, 2, (entry) => {
    entry.tag(1, WireType.LengthDelimited).string(key);
    message(entry, 2, (value) => {
      value.tag(1, WireType.LengthDelimited).bytes(bytesOf(data));
      value.tag(3, WireType.Varint).int32(dtype);
      message(value, 4, (shape) => void shape.int64(length));
    });
  });

/** ForwardBackwardRequest. */
export const lossRequestProto = ({ modelId, seqId, datum, forwardOnly }: LossRequest): Uint8Array<ArrayBuffer> => {
  const { ids, weights } = datum;
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(modelId);
  writer.tag(2, WireType.Varint).int32(seqId);
  message(writer, 3, (data) => {
    message(data, 1, (chunk) =>
      message(chunk, 1, (text) =>
        text.tag(1, WireType.LengthDelimited).bytes(bytesOf(Int32Array.from(ids.slice(0, -1)))),
      ),
    );
    const targets = BigInt64Array.from(ids.slice(1), (id) => BigInt(id));
    tensor(data, 'target_tokens', targets, INT64, targets.length);
    tensor(data, 'weights', weights, FLOAT32, weights.length);
  });
  writer.tag(4, WireType.LengthDelimited).string(CROSS_ENTROPY);
  if (forwardOnly) writer.tag(6, WireType.Varint).bool(true);
  return writer.finish();
};

/** The same as JSON, for `forward_backward` or `forward`. */
export const lossRequestJson = ({ modelId, seqId, datum, forwardOnly }: LossRequest): unknown => {
  const { ids, weights } = datum;
  const shape = [weights.length];
  const input = {
    data: [
      {
        model_input: { chunks: [{ type: 'encoded_text', tokens: ids.slice(0, -1) }] },
        loss_fn_inputs: {
          target_tokens: { data: ids.slice(1), dtype: 'int64', shape },
          weights: { data: Array.from(weights), dtype: 'float32', shape },
        },
      },
    ],
    loss_fn: CROSS_ENTROPY,
  };
  return { [forwardOnly ? 'forward_input' : 'forward_backward_input']: input, model_id: modelId, seq_id: seqId };
};

type Fields = (field: number, type: WireType, reader: BinaryReader) => void;

/** Every field of a message; `read` takes those it knows and leaves the rest to be passed over. */
const fieldsOf = (bytes: Uint8Array, read: Fields): void => {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    const before = reader.pos;
    read(field, type, reader);
    if (reader.pos === before) reader.skip(type, field);
  }
};

/** The entry of a map, if it has this key. */
const entryOf = (bytes: Uint8Array, key: string): Uint8Array | undefined => {
  let found = '';
  let value: Uint8Array | undefined;
  fieldsOf(bytes, (field, type, reader) => {
    if (type !== WireType.LengthDelimited) return;
    if (field === 1) found = reader.string();
    else if (field === 2) value = reader.bytes();
  });
  return found === key ? value : undefined;
};

const floatsOf = (data: Uint8Array, dtype: number): Float32Array => {
  if (dtype === FLOAT32) return new Float32Array(aligned(data));
  if (dtype !== BFLOAT16) throw new Error(`log-probabilities of type ${dtype}`);
  // the upper half of a float32
  const wide = Uint32Array.from(new Uint16Array(aligned(data)), (half) => half << 16);
  return new Float32Array(wide.buffer);
};

const batchedTensor = (bytes: Uint8Array): Float32Array => {
  let data = new Uint8Array(0);
  let dtype = 0;
  fieldsOf(bytes, (field, type, reader) => {
    if (field === 1 && type === WireType.LengthDelimited) data = reader.bytes() as Uint8Array<ArrayBuffer>;
    else if (field === 3 && type === WireType.Varint) dtype = reader.int32();
  });
  return floatsOf(data, dtype);
};

/** The log-probabilities in a ForwardBackwardOutput of one datum; throws on what is none. */
export const logprobsOfProto = (bytes: Uint8Array): Float32Array => {
  let logprobs: Float32Array | undefined;
  fieldsOf(bytes, (field, type, reader) => {
    if (field !== 2 || type !== WireType.LengthDelimited) return;
    fieldsOf(reader.bytes(), (inner, innerType, record) => {
      if (inner !== 2 || innerType !== WireType.LengthDelimited) return;
      const found = entryOf(record.bytes(), 'logprobs');
      if (found !== undefined) logprobs = batchedTensor(found);
    });
  });
  if (logprobs === undefined) throw new Error('an answer without log-probabilities');
  return logprobs;
};

const STOP_REASONS = ['stop', 'length'] as const;

/** The first sequence of a SampleResponse. */
export const sampleOfProto = (bytes: Uint8Array): Sample => {
  let sample: Sample | undefined;
  fieldsOf(bytes, (field, type, reader) => {
    if (field !== 1 || type !== WireType.LengthDelimited) return;
    let tokens: readonly number[] = [];
    let logprobs: readonly number[] | undefined;
    let reason = 0; // protobuf leaves a zero out
    fieldsOf(reader.bytes(), (inner, innerType, sequence) => {
      if (inner === 1 && innerType === WireType.Varint) reason = sequence.int32();
      else if (inner === 2 && innerType === WireType.LengthDelimited) {
        tokens = Array.from(new Int32Array(aligned(sequence.bytes())));
      } else if (inner === 3 && innerType === WireType.LengthDelimited) {
        logprobs = Array.from(new Float32Array(aligned(sequence.bytes())));
      }
    });
    const stopReason = STOP_REASONS[reason];
    if (stopReason === undefined) throw new Error(`the stop reason ${reason}`);
    sample ??= { tokens, logprobs, stopReason };
  });
  if (sample === undefined) throw new Error('a sample without a sequence');
  return sample;
};

// NaN is no JSON; servers that send it all the same are met by the reader of the body
const jsonLosses = z.object({
  loss_fn_outputs: z.tuple([z.object({ logprobs: z.object({ data: z.array(z.number().nullable()) }) })]),
});

export const logprobsOfJson = (value: unknown): Float32Array => {
  const { loss_fn_outputs } = jsonLosses.parse(value);
  return Float32Array.from(loss_fn_outputs[0].logprobs.data, (logp) => logp ?? Number.NaN);
};

const jsonSample = z.object({
  sequences: z
    .array(
      z.object({
        tokens: z.array(z.int()),
        logprobs: z.array(z.number().nullable()).nullish(),
        stop_reason: z.enum(STOP_REASONS),
      }),
    )
    .min(1),
});

export const sampleOfJson = (value: unknown): Sample => {
  const [sequence] = jsonSample.parse(value).sequences;
  if (sequence === undefined) throw new Error('a sample without a sequence');
  const logprobs = sequence.logprobs?.map((logprob) => logprob ?? Number.NaN);
  return { tokens: sequence.tokens, logprobs, stopReason: sequence.stop_reason };
};
