// Processor time of another process, in milliseconds, to the nanosecond: of all its threads. Linux alone tells it.
import { readdir, readFile } from 'node:fs/promises';

const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

/** Undefined where /proc has none. */
export const processorMs = async (pid: number | undefined): Promise<number | undefined> => {
  if (pid === undefined) return undefined;
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  if (threads.length === 0) return undefined;
  const times = await Promise.all(threads.map((id) => read(`/proc/${pid}/task/${id}/schedstat`)));
  return times.reduce((sum, text) => sum + Number(text.split(' ')[0] ?? 0), 0) / 1e6;
};

/** Children of this process that run workerd: what starts one looks before and after. */
export const workerds = async (): Promise<Set<number>> => {
  const found = new Set<number>();
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const [, name, parent] = /^\d+ \((.*)\) \S (\d+)/.exec(await read(`/proc/${pid}/stat`)) ?? [];
    if (name === 'workerd' && Number(parent) === process.pid) found.add(Number(pid));
  }
  return found;
};
