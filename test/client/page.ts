// The scenario in a browser, for whoever calls `run` on the page.
import { type Account, scenario } from './scenario.ts';

declare global {
  var run: (baseURL: string, key: string, corpus: string) => Promise<Account>;
}

/** For max-age after it is gone, the browser's own cache may serve a kept selection; what the edge says is asked for here. */
const uncached: typeof fetch = (url, init) => fetch(url, { ...init, cache: 'no-store' });

globalThis.run = (baseURL, key, corpus) => scenario({ baseURL, key, fetch: uncached }, corpus);
