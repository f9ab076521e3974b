// An answer's body on its way to the caller, and a copy of it up to a limit. The copy is handed over before the caller sees
// the end, so that whoever has read an answer whole finds it kept.

export interface Recording {
  /** The whole body was sent; null: more than the limit. */
  readonly onEnd: (body: Uint8Array | null) => Promise<void>;
  /** It broke off, or its reader left. */
  readonly onBreak: () => void;
}

const joined = (pieces: readonly Uint8Array[], size: number): Uint8Array => {
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.byteLength;
  }
  return all;
};

export const recorded = (
  body: ReadableStream<Uint8Array>,
  limit: number,
  { onEnd, onBreak }: Recording,
): ReadableStream<Uint8Array> => {
  const reader = body.getReader();
  let held: Uint8Array[] = [];
  let size = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          await onEnd(size > limit ? null : joined(held, size));
          return controller.close();
        }
        size += value.byteLength;
        if (size > limit) held = [];
        else held.push(value.slice());
        controller.enqueue(value);
      } catch (error) {
        onBreak();
        throw error;
      }
    },
    async cancel(reason) {
      onBreak();
      await reader.cancel(reason);
    },
  });
};
