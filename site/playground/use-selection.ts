// Selects when what is asked for has been still for a moment, and ends the request before.
import { useEffect, useState } from 'preact/hooks';
import type { SiftClient } from '../../client/index.ts';
import { SETTLED_MS } from '../../wire/limits.ts';
import { compare } from './compare.ts';
import type { View } from './fragment.ts';
import type { Shown } from './selection.tsx';
import { sentence } from './session.ts';

interface Options {
  readonly client: SiftClient | undefined;
  readonly view: View;
  /** Another number where the corpus has changed. */
  readonly epoch: number;
  readonly onError: (error: unknown) => void;
}

const NOTHING: Shown = { compared: undefined, busy: false, problem: '' };

export const useSelection = ({ client, view, epoch, onError }: Options): Shown => {
  const [shown, setShown] = useState<Shown>(NOTHING);
  const { corpus, prompt, selection, n, lambda, degree, rounds } = view;
  useEffect(() => {
    if (client === undefined || (selection === '' && (corpus === '' || prompt.trim() === ''))) {
      setShown(NOTHING);
      return;
    }
    const leave = new AbortController();
    setShown((before) => ({ ...before, busy: true }));
    const timer = setTimeout(() => {
      compare(client, view, leave.signal, (compared) => {
        if (!leave.signal.aborted) setShown({ compared, busy: true, problem: '' });
      }).then(
        () => !leave.signal.aborted && setShown((before) => ({ ...before, busy: false })),
        (error: unknown) => {
          if (leave.signal.aborted) return;
          setShown({ compared: undefined, busy: false, problem: sentence(error) });
          onError(error);
        },
      );
    }, SETTLED_MS);
    return () => {
      clearTimeout(timer);
      leave.abort();
    };
  }, [client, corpus, prompt, selection, n, lambda, degree, rounds, epoch]);
  return shown;
};
