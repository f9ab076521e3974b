// `sift-edge doctor`: what stands in the way of serving, asking and deploying, and what to do about it.
import { EXIT } from '../exit.ts';
import { DEFAULT_EMBEDDER, DEFAULT_MODEL, ROOT, stateOf } from '../places.ts';
import type { Command } from './command.ts';
import { flag, text } from './values.ts';

const COLOURS = { ok: 32, warn: 33, fail: 31, skip: 2 } as const;

export const doctor: Command = {
  name: 'doctor',
  summary: 'check machine, packages, model, ports, secrets, clocks, gateway, edge, key and Cloudflare login',
  details:
    'A line each: ok, warn, fail or skip, then what, why, and what to do. Exit code 1 if anything fails. It changes nothing.\n' +
    'Secrets are looked for in the environment (GATEWAY_SECRET, API_KEY) and in what serve keeps; none is printed.',
  remote: true,
  flags: [
    { flags: '--remote', summary: 'only the servers, not this machine' },
    {
      flags: '--model <dir>',
      summary: 'the model that serve would be given',
      fallback: DEFAULT_MODEL,
      values: 'directory',
    },
    { flags: '--embedder <dir>', summary: 'the embedder, likewise', fallback: DEFAULT_EMBEDDER, values: 'directory' },
    {
      flags: '--gateway <url>',
      summary:
        'a gateway to look at (default: the variable GATEWAY_URL; with a local edge http://127.0.0.1:8788 where something listens)',
    },
    { flags: '--cloudflare', summary: 'ask Cloudflare whether the login is valid' },
  ],
  examples: ['sift-edge doctor', 'sift-edge doctor --remote --server https://sift.example.com --cloudflare'],
  async run(given) {
    const { console, env, values } = given;
    const [{ resolve }, { diagnose }, { lineOf }, { DEFAULT_GATEWAY, DEFAULT_SERVER, keyOf }] = await Promise.all([
      import('node:path'),
      import('../doctor/run.ts'),
      import('../doctor/finding.ts'),
      import('../server.ts'),
    ]);
    const server = given.server();
    const isNamed = text(values, 'server') !== undefined || (env.SIFT_SERVER ?? '') !== '';
    const named = text(values, 'gateway') ?? (env.GATEWAY_URL || undefined);
    if (named !== undefined && !URL.canParse(named)) {
      const { UsageError } = await import('../../wire/usage.ts');
      throw new UsageError(`the gateway is '${named}', it must be a URL such as https://gateway.example.com`);
    }
    const { listens } = await import('../doctor/listens.ts');
    const beside = server === DEFAULT_SERVER && (await listens(DEFAULT_GATEWAY)) ? DEFAULT_GATEWAY : undefined;
    const patient = {
      env,
      model: resolve(ROOT, text(values, 'model') ?? DEFAULT_MODEL),
      embedder: resolve(ROOT, text(values, 'embedder') ?? DEFAULT_EMBEDDER),
      state: stateOf(env),
      server,
      key: keyOf(values, env, server),
      gateway: named ?? beside,
      isNamed,
      cloudflare: flag(values, 'cloudflare'),
      signal: console.signal,
    };
    let failed = false;
    for await (const finding of diagnose(patient, !flag(values, 'remote'))) {
      const line = lineOf(finding);
      const { level } = finding;
      console.say(console.colour ? line.replace(level, `\u001b[${COLOURS[level]}m${level}\u001b[0m`) : line);
      console.emit(finding);
      failed ||= level === 'fail';
    }
    return failed ? EXIT.failed : EXIT.ok;
  },
};
