// A body on its way out, counted, whose end is told once: whole, broken off, or left by its reader.
export interface Tap {
  readonly onBytes: (count: number) => void;
  /** `error`: why it broke. */
  readonly onEnd: (how: 'whole' | 'broken' | 'left', error?: unknown) => void;
}

export const tapped = (body: ReadableStream<Uint8Array>, { onBytes, onEnd }: Tap): ReadableStream<Uint8Array> => {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          onEnd('whole');
          return controller.close();
        }
        onBytes(value.byteLength);
        controller.enqueue(value);
      } catch (error) {
        onEnd('broken', error);
        throw error;
      }
    },
    async cancel(reason) {
      onEnd('left');
      await reader.cancel(reason);
    },
  });
};
