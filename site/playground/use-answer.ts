// Runs one streamed answer, and ends it when it is told to or when the page moves on.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { ChatBody, CompletionBody, SiftClient } from '../../client/index.ts';
import { type Answer, IDLE, withEvent } from './answer.ts';
import { sentence } from './session.ts';

export const useAnswer = (client: SiftClient, onError: (error: unknown) => void) => {
  const [answer, setAnswer] = useState<Answer>(IDLE);
  const leave = useRef<AbortController>(undefined);
  useEffect(() => () => leave.current?.abort(), []);
  const run = useCallback(
    async (body: CompletionBody | ChatBody): Promise<void> => {
      leave.current?.abort();
      const mine = new AbortController();
      leave.current = mine;
      const from = performance.now();
      const ms = (): number => performance.now() - from;
      let now: Answer = { ...IDLE, state: 'busy', stage: 'asked' };
      const tell = (next: Answer): void => {
        now = next;
        if (leave.current === mine) setAnswer(now);
      };
      tell(now);
      try {
        for await (const event of client.generate(body, { signal: mine.signal })) tell(withEvent(now, event, ms()));
        tell({ ...now, state: 'done', stage: '', totalMs: ms() });
      } catch (error) {
        if (mine.signal.aborted) return tell({ ...now, state: 'stopped', stage: 'stopped', totalMs: ms() });
        tell({ ...now, state: 'failed', stage: '', problem: sentence(error), totalMs: ms() });
        onError(error);
      }
    },
    [client, onError],
  );
  return { answer, run, stop: useCallback(() => leave.current?.abort(), []) };
};
