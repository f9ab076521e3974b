// Bodies are read as they come over the wire. A compressed one would be told "not UTF-8", and one that we unpacked could
// grow a thousandfold; so it is refused by its header, before a byte is read. Uploads alone may be gzip: they are read in
// lines, and unpacked under a limit of their own (functions/corpora/unpack.ts).
import { createMiddleware } from 'hono/factory';
import { FaultError } from '../../wire/faults.ts';

const UPLOAD = /^\/v1\/corpora\/[^/]+\/examples\/?$/;

/** How the body is compressed; empty: it is not. */
export const encodingOf = (headers: Headers): string => {
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? '';
  return encoding === 'identity' ? '' : encoding === 'x-gzip' ? 'gzip' : encoding;
};

export const plainBody = createMiddleware(async (c, next) => {
  const encoding = encodingOf(c.req.raw.headers);
  const isUpload = c.req.method === 'POST' && UPLOAD.test(c.req.path);
  if (encoding !== '' && !(isUpload && encoding === 'gzip')) {
    throw new FaultError({ kind: 'encoded_body', encoding, ...(isUpload ? { also: 'gzip' } : {}) });
  }
  await next();
});
