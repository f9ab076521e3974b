// Which processes a process has started, and the ports they listen on. Linux only (/proc); elsewhere the lists are empty.
import { readdir, readFile, readlink } from 'node:fs/promises';

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
}

const all = async (): Promise<Process[]> => {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      const parts = /^\d+ \((.*)\) (\S) (\d+)/s.exec(stat);
      // a zombie has ended: only its parent has not looked yet
      return parts === null || parts[2] === 'Z'
        ? []
        : [{ pid: Number(pid), parent: Number(parts[3]), name: parts[1] ?? '' }];
    }),
  );
  return found.flat();
};

/** All processes below this one, children's children too. */
export const descendants = async (of: number): Promise<Process[]> => {
  const processes = await all();
  const below = (parent: number): Process[] =>
    processes.filter((process) => process.parent === parent).flatMap((child) => [child, ...below(child.pid)]);
  return below(of);
};

export const isAlive = async (pid: number): Promise<boolean> => (await all()).some((process) => process.pid === pid);

/** The TCP ports on which these processes listen. */
export const listeningPorts = async (pids: readonly number[]): Promise<number[]> => {
  const ports = new Map<string, number>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (await readFile(table, 'utf8').catch(() => '')).split('\n').slice(1)) {
      const [, local = '', , state = '', , , , , , inode = ''] = line.trim().split(/\s+/);
      if (state === '0A') ports.set(`socket:[${inode}]`, Number.parseInt(local.split(':')[1] ?? '', 16));
    }
  }
  const found = new Set<number>();
  for (const pid of pids) {
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const port = ports.get(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''));
      if (port !== undefined) found.add(port);
    }
  }
  return [...found];
};
