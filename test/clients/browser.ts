// OpenAI's SDK in headless Chromium, on a page of another origin than the edge's: every request is a preflight first.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import type { RunningClient, Server } from './client.ts';

const SCRIPT = fileURLToPath(new URL('page.ts', import.meta.url));

export interface BrowserClient extends RunningClient {
  readonly origin: string;
}

export const browserSdk = async (executablePath: string, server: Server): Promise<BrowserClient> => {
  const { outputFiles } = await build({ entryPoints: [SCRIPT], bundle: true, format: 'iife', write: false });
  const html = `<!doctype html><title>a client</title><script>${outputFiles[0]?.text.replaceAll('</script', '<\\/script')}</script>`;
  const pages = createServer(
    (_, answer) => void answer.setHeader('content-type', 'text/html; charset=utf-8').end(html),
  );
  pages.listen(0, '127.0.0.1');
  await once(pages, 'listening');
  const origin = `http://localhost:${(pages.address() as AddressInfo).port}`;
  // Chromium's sandbox does not run as root, as containers do; the page is our own
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const page = await browser.newPage();
  await page.goto(origin);
  await page.evaluate((its) => globalThis.start(its), server);
  let asked = 0;
  return {
    origin,
    ask: (ask, signal) => {
      const id = asked++;
      const leave = () => void page.evaluate((which) => globalThis.page.leave(which), id);
      signal.addEventListener('abort', leave, { once: true });
      return page.evaluate(({ id: which, ask: its }) => globalThis.page.ask(which, its), { id, ask });
    },
    close: async () => {
      await browser.close();
      pages.close();
    },
  };
};
