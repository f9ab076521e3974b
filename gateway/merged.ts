// Several streams as one, each event as soon as it is there. What one of them throws ends all; whoever leaves early, too.

/** `end` is called when no more is wanted of streams that may not be over: it must make their waits end soon. */
export async function* merged<T>(
  streams: readonly AsyncGenerator<T, void, void>[],
  end: () => void,
): AsyncGenerator<T, void, void> {
  const [only] = streams;
  if (only !== undefined && streams.length === 1) return yield* only;
  type Next = { readonly stream: AsyncGenerator<T, void, void>; readonly result: IteratorResult<T, void> };
  const ask = async (stream: AsyncGenerator<T, void, void>): Promise<Next> => ({ stream, result: await stream.next() });
  const waiting = new Map(streams.map((stream) => [stream, ask(stream)]));
  try {
    while (waiting.size > 0) {
      const { stream, result } = await Promise.race(waiting.values());
      if (result.done) {
        waiting.delete(stream);
        continue;
      }
      yield result.value;
      // back of the line, so that one that is always ready keeps no other waiting
      waiting.delete(stream);
      waiting.set(stream, ask(stream));
    }
  } finally {
    if (waiting.size > 0) {
      end();
      for (const asked of waiting.values()) asked.catch(() => {});
      await Promise.allSettled(Array.from(waiting.keys(), (stream) => stream.return()));
    }
  }
}
