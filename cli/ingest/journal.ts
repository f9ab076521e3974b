// What the edge has confirmed of an ingest that did not come to its end: an append-only file, a line an example, read by the
// next run of the command so that it sends only the rest. It belongs to one edge, one corpus as created, and one key, of
// which it holds a digest only. A line that was torn by a crash is passed over; a finished ingest removes the file.
// Trade-off: nothing is synced to the disk, so that a machine that loses power may send some examples again.
import { hash } from 'node:crypto';
import { closeSync, createReadStream, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { messageOf } from '../../wire/message.ts';
import { type DigestSet, digestSet } from './digest-set.ts';
import { linesOf } from './lines.ts';

export interface JournalOf {
  /** Without a slash or /v1 at its end (cli/server.ts). */
  readonly server: string;
  readonly corpus: string;
  readonly key: string;
  /** How the edge was asked to treat what it got. */
  readonly query: Readonly<Record<string, string | number>>;
}

const sha = (...parts: readonly string[]): string => hash('sha256', JSON.stringify(parts), 'base64url');

/** Where what is kept between runs lies: SIFT_STATE, or by the XDG specification. */
export const stateDirectory = (env: Readonly<Record<string, string | undefined>>): string => {
  if (env.SIFT_STATE) return join(env.SIFT_STATE, 'ingest');
  const base = env.XDG_STATE_HOME || env.LOCALAPPDATA || join(homedir(), '.local', 'state');
  return join(base, 'sift-edge', 'ingest');
};

export const journalPath = (directory: string, { server, corpus, key, query }: JournalOf): string => {
  return join(directory, `${sha('sift-edge ingest', server, corpus, key, JSON.stringify(query)).slice(0, 32)}.journal`);
};

/** Characters of a digest of 16 bytes as base64url. */
const DIGEST = 22;
const LINE = new RegExp(`^[\\w-]{${DIGEST}}$`);
const HEAD = 'sift-edge ingest 1 ';

export interface Confirmed {
  readonly createdAt: string;
  readonly digests: DigestSet;
}

/** What a journal says; undefined where there is none that can be read, or one of another kind. */
export const readJournal = async (path: string): Promise<Confirmed | undefined> => {
  const digests = digestSet();
  let createdAt: string | undefined;
  try {
    for await (const line of linesOf(createReadStream(path), 256)) {
      const text = 'bytes' in line ? Buffer.from(line.bytes).toString('latin1') : '';
      if (line.line === 1) {
        if (!text.startsWith(HEAD)) return undefined;
        createdAt = text.slice(HEAD.length);
      } else if (LINE.test(text)) digests.add(Buffer.from(text, 'base64url'));
    }
  } catch {
    // what was confirmed is then sent again, which changes nothing
    return undefined;
  }
  return createdAt === undefined ? undefined : { createdAt, digests };
};

export interface Journal {
  /** False once it cannot be written. */
  readonly isOpen: boolean;
  confirm(digest: Uint8Array): void;
  /** Writes what was confirmed since the last time. */
  flush(): void;
  close(): void;
  /** Closes and removes it. */
  remove(): void;
}

/** Opens the journal for more; a new one says which life of the corpus it is about. A failure is told once, and ends no ingest. */
export const writeJournal = (
  path: string,
  createdAt: string,
  isNew: boolean,
  onFailure: (message: string) => void,
): Journal => {
  let file: number | undefined;
  let waiting = '';
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      onFailure(`what is done cannot be kept in ${path}: ${messageOf(error)}`);
      if (file !== undefined) closeSync(file);
      file = undefined;
    }
  };
  attempt(() => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    file = openSync(path, isNew ? 'w' : 'a', 0o600);
    // the newline ends a line that a crash may have torn
    writeSync(file, isNew ? `${HEAD}${createdAt}\n` : '\n');
  });
  const flush = (): void => {
    const text = waiting;
    waiting = '';
    attempt(() => {
      if (file !== undefined && text !== '') writeSync(file, text);
    });
  };
  const close = (): void => {
    flush();
    if (file !== undefined) closeSync(file);
    file = undefined;
  };
  return {
    get isOpen() {
      return file !== undefined;
    },
    confirm(digest) {
      if (file === undefined) return;
      if (waiting === '') setImmediate(flush);
      waiting += `${Buffer.from(digest).toString('base64url')}\n`;
    },
    flush,
    close,
    remove() {
      const isOpen = file !== undefined;
      close();
      if (isOpen) attempt(() => rmSync(path, { force: true }));
    },
  };
};
