// A stream's status waits a moment for the first event, so that what is refused at once, such as a prompt that is too long,
// has a status of its own: SDKs make their kinds of errors by it. What takes longer is told within the stream.
import type { Told } from './run.ts';

/** All of the events; rejects with what they failed of, where that was known before the first and within `ms`. */
export const withFirst = async (
  told: AsyncGenerator<Told, void, void>,
  ms: number,
): Promise<AsyncGenerator<Told, void, void>> => {
  const first = told.next();
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([first, late]);
  } finally {
    clearTimeout(timer);
    // a failure that comes later is for whoever reads the stream, if anybody does
    first.catch(() => {});
  }
  return (async function* () {
    try {
      const { value, done } = await first;
      if (done) return;
      yield value;
      yield* told;
    } finally {
      await told.return();
    }
  })();
};
