// A process of its own for each server: `node bench/api/server.ts gateway|bare`. It says its address on stdout, and ends when
// its stdin does.
import { serve } from '@hono/node-server';
import { createRegistry } from '../../gateway/backends/registry.ts';
import { serveGateway } from '../../gateway/serve.ts';
import bare from './bare.ts';
import { instantBackend } from './instant.ts';

const say = (url: string): void => void process.stdout.write(`${url}\n`);

if (process.argv[2] === 'gateway') {
  const secret = process.env.GATEWAY_SECRET ?? '';
  // lines are written, as in production; what comes too fast waits, so that the wait is measured and not refused
  const limits = { queueLimit: 100_000, tenantLimit: 100_000 };
  const options = { secret, port: 0, logLevel: 'info', adapters: { maxBytes: 0 }, ...limits } as const;
  const { url } = await serveGateway({ registry: createRegistry({ instant: instantBackend() }), ...options });
  say(url);
} else {
  serve({ fetch: bare.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => say(`http://127.0.0.1:${port}`));
}
process.stdin.resume().on('end', () => process.exit(0));
