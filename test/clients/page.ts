// What runs in the browser: OpenAI's SDK behind two functions that browser.ts calls.
import type { Ask, Server, Told } from './client.ts';
import { openAiSdk } from './openai-sdk.ts';

export interface Page {
  ask(id: number, ask: Ask): Promise<Told>;
  leave(id: number): void;
}

declare global {
  var start: (server: Server) => void;
  var page: Page;
}

globalThis.start = (server) => {
  const client = openAiSdk(server, true);
  const leaving = new Map<number, AbortController>();
  globalThis.page = {
    ask: (id, ask) => {
      const leave = new AbortController();
      leaving.set(id, leave);
      return client(ask, leave.signal);
    },
    leave: (id) => leaving.get(id)?.abort(),
  };
};
