// `npm run gateway`: the gateway with the embedded backend as a process of its own.
// Options: --model NAME=DIR (repeatable; default base=models/base), --host, --port, --workers, --threads.
// The secret it shares with the edge comes from GATEWAY_SECRET and is never given on the command line.
import { parseArgs } from 'node:util';
import { createEmbeddedBackend } from '../gateway/backends/embedded/index.ts';
import { logInfo } from '../gateway/log.ts';
import { serveGateway } from '../gateway/serve.ts';
import { whole } from './arguments.ts';

const refuse = (message: string): never => {
  process.stderr.write(`gateway: ${message}\n`);
  process.exit(2);
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', multiple: true, default: ['base=models/base'] },
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '8788' },
      workers: { type: 'string', default: '1' },
      threads: { type: 'string', default: '1' },
    },
  });
  const secret = process.env.GATEWAY_SECRET ?? '';
  if (secret.length < 16) refuse('GATEWAY_SECRET is missing or shorter than 16 characters');
  const models = Object.fromEntries(
    values.model.map((text) => {
      const at = text.indexOf('=');
      return at > 0 ? [text.slice(0, at), text.slice(at + 1)] : refuse(`--model is '${text}', it must be NAME=DIR`);
    }),
  );
  const backend = await createEmbeddedBackend({
    models,
    workers: whole('workers', values.workers, 1, 64),
    threads: whole('threads', values.threads, 1, 64),
  });
  const gateway = await serveGateway({
    backend,
    secret,
    host: values.host,
    port: whole('port', values.port, 0, 65_535),
  });
  logInfo('ready', { url: gateway.url, models: backend.models.map(({ id }) => id) });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      logInfo('shutting down', { signal });
      void gateway.close().then(() => process.exit(0));
    });
  }
};

main().catch((error: unknown) => refuse(error instanceof Error ? error.message : String(error)));
