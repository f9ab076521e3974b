// Who listens where serve wants to.
import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { DOCTOR_PORT_MS } from '../../wire/limits.ts';
import { type Check, type Finding, ok, warn } from './finding.ts';

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** The process that listens, as far as Linux tells this user; elsewhere undefined. */
export const listenerOf = async (port: number): Promise<string | undefined> => {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')),
  );
  const sockets = tables
    .flatMap((table) => table.split('\n').map((line) => line.trim().split(/\s+/)))
    // state 0A: listening
    .filter(([, local = '', , state]) => local.endsWith(wanted) && state === '0A')
    .map((columns) => `socket:[${columns[9]}]`);
  if (sockets.length === 0) return undefined;
  const processes = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of processes) {
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const file of files) {
      const target = await readlink(`/proc/${pid}/fd/${file}`).catch(() => '');
      if (!sockets.includes(target)) continue;
      const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
      return `process ${pid}${name === '' ? '' : ` (${name})`}`;
    }
  }
  return undefined;
};

/** Whether it answers as an edge or a gateway of ours does. */
const isOurs = async (port: number, signal: AbortSignal): Promise<boolean> => {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(DOCTOR_PORT_MS)]);
    const response = await fetch(`http://127.0.0.1:${port}/health`, { signal: limit, redirect: 'error' });
    return ((await response.json()) as { status?: unknown }).status === 'ok';
  } catch {
    return false;
  }
};

export const portFinding = async (port: number, flag: string, signal: AbortSignal): Promise<Finding> => {
  const check = `port-${port}`;
  if (await isFree(port)) return ok(check, `port ${port} is free`);
  const who = (await listenerOf(port)) ?? 'a process of another user, or one that cannot be told';
  if (await isOurs(port, signal)) return ok(check, `port ${port}: ${who} serves there`);
  return warn(check, `port ${port} is taken`, `${who} listens there`, `stop it, or give serve another: --${flag} PORT`);
};

export const portsCheck: Check = async ({ signal }) =>
  Promise.all([portFinding(8787, 'port', signal), portFinding(8788, 'gateway-port', signal)]);
