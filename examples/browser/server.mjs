// `node server.mjs`: the page, and the library as npm installed it. Any server of files does the same.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const here = new URL('./', import.meta.url);
const library = new URL('./', import.meta.resolve('sift-edge/kernel'));
const TYPES = { html: 'text/html; charset=utf-8', js: 'text/javascript; charset=utf-8' };
const server = createServer(async ({ url = '/' }, answer) => {
  const { pathname } = new URL(url, 'http://localhost');
  const inside = pathname.startsWith('/sift-edge/');
  const file = new URL(inside ? pathname.slice('/sift-edge/'.length) : `.${pathname}`, inside ? library : here);
  const path = file.pathname.endsWith('/') ? new URL('index.html', file) : file;
  const text = await readFile(fileURLToPath(path)).catch(() => undefined);
  answer.writeHead(text === undefined ? 404 : 200, { 'content-type': TYPES[path.pathname.split('.').at(-1)] ?? '' });
  answer.end(text);
});
server.listen(Number(process.env.PORT ?? 8000), 'localhost', () =>
  console.log(`http://localhost:${server.address().port}`),
);
