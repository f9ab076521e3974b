// OpenAI's Python SDK (openai_sdk.py) behind lines of JSON.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { RunningClient, Server, Told } from './client.ts';

const SCRIPT = fileURLToPath(new URL('openai_sdk.py', import.meta.url));

export const pythonSdk = async (interpreter: string, { baseURL, key }: Server): Promise<RunningClient> => {
  const child = spawn(interpreter, [SCRIPT, baseURL, key], { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = new Map<number, { resolve(told: Told): void; reject(error: Error): void }>();
  let asked = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, told } = JSON.parse(line) as { id: number; told: Told };
    waiting.get(id)?.resolve(told);
    waiting.delete(id);
  });
  const ended = once(child, 'exit');
  void ended.then(() => {
    for (const { reject } of waiting.values()) reject(new Error('the Python process ended'));
  });
  const send = (message: object): void => void child.stdin.write(`${JSON.stringify(message)}\n`);
  return {
    ask: (ask, signal) => {
      const id = asked++;
      signal.addEventListener('abort', () => send({ leave: id }), { once: true });
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        send({ id, ask });
      });
    },
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
};
