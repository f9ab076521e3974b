// Memory that this process may still take: what the machine has available, or what its control group leaves. Files in the
// page cache count as available, since the kernel gives them up. On other systems than Linux, where "free" says little,
// the machine's whole memory less what this process has.
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';

export interface Memory {
  /** Bytes that can be taken now. */
  readonly available: number;
  /** Bytes that could be taken if nobody else used any. */
  readonly total: number;
}

/** A file's text, undefined where there is none. */
export type Read = (path: string) => string | undefined;

const readText: Read = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // another system, or a control group without this controller
  }
};

const ROOT = '/sys/fs/cgroup';
const number = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined;

/** The process's control group and those around it, which bind it as well: directories of version 2, and of version 1. */
const groups = (read: Read): { directory: string; version: 1 | 2 }[] => {
  const found: { directory: string; version: 1 | 2 }[] = [];
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, id, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const version = id === '0' ? 2 : 1;
    if (version === 1 && !controllers?.split(',').includes('memory')) continue;
    const root = version === 2 ? ROOT : join(ROOT, 'memory');
    for (let at = path; ; at = dirname(at)) {
      found.push({ directory: join(root, at), version });
      if (at === '/') break;
    }
  }
  return found;
};

const FILES = {
  2: { limit: 'memory.max', used: 'memory.current', cached: 'inactive_file' },
  1: { limit: 'memory.limit_in_bytes', used: 'memory.usage_in_bytes', cached: 'total_inactive_file' },
} as const;

export const memoryAvailable = (read: Read = readText): Memory => {
  const info = read('/proc/meminfo');
  const kib = (name: string): number | undefined =>
    number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(info ?? '')?.[1]);
  const [free, whole] = [kib('MemAvailable'), kib('MemTotal')];
  let total = whole === undefined ? totalmem() : whole * 1_024;
  let available = free === undefined ? total - process.memoryUsage.rss() : free * 1_024;
  for (const { directory, version } of groups(read)) {
    const { limit, used, cached } = FILES[version];
    const [most, now] = [number(read(join(directory, limit))), number(read(join(directory, used)))];
    if (most === undefined || now === undefined) continue; // "max": no limit of its own
    const given = number(new RegExp(`^${cached} (\\d+)$`, 'm').exec(read(join(directory, 'memory.stat')) ?? '')?.[1]);
    total = Math.min(total, most);
    available = Math.min(available, most - now + (given ?? 0));
  }
  return { available: Math.max(0, available), total };
};
