// A Worker of your own that asks an edge: `/?q=PROMPT` answers with the picks, `/kernel` selects in the Worker itself.
import { createClient, SiftError } from 'sift-edge/client';
import { select } from 'sift-edge/kernel';

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === '/kernel') {
      return Response.json(
        await select({
          prompt: [1, 0.9],
          candidates: [
            [1, 0],
            [1, 0],
            [0, 1],
          ],
          n: 2,
        }),
      );
    }
    const sift = createClient({ baseURL: env.SIFT_SERVER, key: env.SIFT_KEY });
    try {
      const asked = { corpus: env.SIFT_CORPUS, input: searchParams.get('q') ?? '', n: 3 };
      const { selection } = await sift.select(asked, undefined, { signal: request.signal });
      return Response.json(selection.picks.map(({ id, text }) => ({ id, text })));
    } catch (error) {
      if (!(error instanceof SiftError)) throw error;
      return Response.json({ error: error.message }, { status: error.status ?? 502 });
    }
  },
};
