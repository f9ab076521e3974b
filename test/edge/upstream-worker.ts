// What the tests of the gateway's client run inside workerd: a question in, the answer out, or what nobody caught.
import { ask, type Question } from './upstream-ask.ts';

const unhandled: string[] = [];
addEventListener('unhandledrejection', (event) => {
  unhandled.push(String((event as unknown as { reason: unknown }).reason));
});

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method === 'GET') return Response.json(unhandled);
    return Response.json(await ask((await request.json()) as Question));
  },
};
