// The key, and the client that speaks with it: kept in this tab, until it is closed or told to forget.
import { createClient, type SiftClient, SiftError } from '../../client/index.ts';

const NAME = 'sift-key';

/** Storage may be switched off: the key is then kept for as long as the page is. */
const stored = <T>(work: (storage: Storage) => T): T | undefined => {
  try {
    return work(sessionStorage);
  } catch {
    return undefined;
  }
};

export const rememberedKey = (): string => stored((storage) => storage.getItem(NAME)) ?? '';
export const rememberKey = (key: string): void => {
  stored((storage) => (key === '' ? storage.removeItem(NAME) : storage.setItem(NAME, key)));
};

export const clientFor = (key: string): SiftClient => createClient({ baseURL: location.origin, key, retries: 1 });

export const isRefusedKey = (error: unknown): boolean => error instanceof SiftError && error.status === 401;

/** An error for people: the edge's own words, which name the value and the limit. */
export const sentence = (error: unknown): string => {
  if (!(error instanceof SiftError)) return error instanceof Error ? error.message : String(error);
  if (error.status === 401) return 'The edge does not accept this key.';
  if (error.status === 403) return `This key may not do that: ${error.message}`;
  if (error.status !== undefined) return error.message;
  return error.code === 'connection' ? `The edge does not answer (${error.message}).` : error.message;
};
