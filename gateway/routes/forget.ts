// POST /v1/forget: examples were deleted at the edge, so what was made of them goes too.
import type { Context } from 'hono';
import { parseAs } from '../../wire/body.ts';
import { unwrap } from '../../wire/faults.ts';
import { forgetRequest } from '../../wire/tune/requests.ts';
import type { AdapterStore } from '../adapters/store.ts';
import type { Signed } from '../auth.ts';

export const forgetRoute = (adapters: AdapterStore) => (c: Context<Signed>) =>
  c.json({ adapters: adapters.forget(unwrap(parseAs(c.var.body, forgetRequest))) });
