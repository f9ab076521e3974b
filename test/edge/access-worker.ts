// What the test of private networks runs inside workerd: asks the gateway for its models with the Env as it is bound.
import { gatewayModels } from '../../functions/upstream/client.ts';
import { type Asking, gatewayOf } from '../../functions/upstream/of.ts';

export default {
  async fetch(request: Request, env: Asking['env'], executionCtx: Asking['executionCtx']): Promise<Response> {
    const record = { trail: { 'x-request-id': 'one' }, asked: () => {} };
    const asking = { env, executionCtx, var: { record }, req: { raw: request, header: () => undefined } };
    try {
      return Response.json(await gatewayModels(gatewayOf(asking), request.signal));
    } catch (error) {
      return new Response(String(error), { status: 500 });
    }
  },
};
