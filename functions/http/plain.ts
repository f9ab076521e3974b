// Bodies are read as they come over the wire. A compressed one would be told "not UTF-8", and one that we unpacked could
// grow a thousandfold; so it is refused by its header, before a byte is read.
import { createMiddleware } from 'hono/factory';
import { FaultError } from '../../wire/faults.ts';

export const plainBody = createMiddleware(async (c, next) => {
  const encoding = c.req.header('content-encoding')?.trim().toLowerCase() ?? '';
  if (encoding !== '' && encoding !== 'identity') throw new FaultError({ kind: 'encoded_body', encoding });
  await next();
});
