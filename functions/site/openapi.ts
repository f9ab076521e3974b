// GET /openapi.json: without a key, as everybody may know what can be asked.
import type { Context } from 'hono';
import { version } from '../../package.json' with { type: 'json' };
import { openApi } from '../../wire/openapi/document.ts';

let text: string | undefined;

export const openApiRoute = (c: Context): Response => {
  text ??= JSON.stringify(openApi(version));
  return c.body(text, 200, { 'content-type': 'application/json', 'cache-control': 'public, max-age=300' });
};
