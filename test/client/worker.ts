// The scenario inside workerd, for whoever posts where the edge is.
import { scenario } from './scenario.ts';

export default {
  fetch: async (request: Request): Promise<Response> => {
    const { baseURL, key, corpus } = (await request.json()) as { baseURL: string; key: string; corpus: string };
    return Response.json(await scenario({ baseURL, key }, corpus));
  },
};
