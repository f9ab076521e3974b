// What everything here is compared with: Hono and nothing else, in workerd and in Node. It reads a JSON body and answers JSON.
import { Hono } from 'hono';

const app = new Hono();
app.post('/bare', async (c) => {
  const body: unknown = await c.req.json();
  return c.json({ object: 'bare', fields: Object.keys(body as object).length });
});

export default app;
