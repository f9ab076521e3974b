// Files of Durable Objects that hold nothing. Cloudflare forgets an object without storage; workerd on one machine keeps a
// file of one page for every name that ever was. They are removed before the edge starts, when nobody has them open.
import { access, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const isVacant = (path: string): boolean => {
  const database = new DatabaseSync(path);
  try {
    // what begins with _cf_ is workerd's own
    const own = "name NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    return database.prepare(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND ${own}`).all().length === 0;
  } catch {
    return false; // whatever it is, it is not known to be empty
  } finally {
    database.close();
  }
};

/** Removes the empty ones among the objects of these classes; answers how many. */
export const removeVacant = async (state: string, classes: readonly string[]): Promise<number> => {
  let removed = 0;
  for (const name of classes) {
    const directory = join(state, 'do', name);
    const there = await access(directory).then(
      () => true,
      () => false,
    );
    const files = there ? await readdir(directory) : [];
    for (const file of files.filter((one) => one.endsWith('.sqlite') && one !== 'metadata.sqlite')) {
      const path = join(directory, file);
      if (!isVacant(path)) continue;
      for (const part of ['', '-wal', '-shm']) await rm(path + part, { force: true });
      removed += 1;
    }
  }
  return removed;
};
