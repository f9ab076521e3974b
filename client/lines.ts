// NDJSON, a value a line, as it comes. A last line without its newline is whole; half of one fails as JSON.
import { SiftError } from './error.ts';

export async function* jsonLines(response: Response): AsyncGenerator<unknown, void, void> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value = '' } = await reader.read();
      const lines = (rest + value).split('\n');
      rest = done ? '' : (lines.pop() ?? '');
      for (const line of lines) if (line !== '') yield JSON.parse(line);
      if (done) return;
    }
  } catch (error) {
    throw error instanceof SiftError
      ? error
      : new SiftError(
          { message: `the answer broke off: ${error instanceof Error ? error.message : error}` },
          undefined,
          error,
        );
  } finally {
    // whoever stops reading early tells the edge so
    await reader.cancel().catch(() => {});
  }
}
