// The corpora that the key may touch.
import { useCallback, useEffect, useState } from 'preact/hooks';
import { sender } from '../../client/send.ts';
import { sentence } from './session.ts';

interface Page {
  readonly data: readonly { readonly name: string }[];
  readonly next_cursor: string | null;
}

const corporaOf = async (key: string, signal: AbortSignal): Promise<string[]> => {
  const send = sender({ baseURL: location.origin, key, retries: 1 });
  const names: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page = (await (await send('GET', `/v1/corpora?limit=1000${query}`, { signal })).json()) as Page;
    names.push(...page.data.map(({ name }) => name));
    cursor = page.next_cursor;
  }
  return names;
};

export const useCorpora = (key: string, onError: (error: unknown) => void) => {
  const [corpora, setCorpora] = useState<readonly string[]>();
  const [problem, setProblem] = useState('');
  const [times, setTimes] = useState(0);
  useEffect(() => {
    setProblem('');
    if (key === '') {
      setCorpora(undefined);
      return;
    }
    const leave = new AbortController();
    corporaOf(key, leave.signal).then(setCorpora, (error: unknown) => {
      if (leave.signal.aborted) return;
      setProblem(sentence(error));
      onError(error);
    });
    return () => leave.abort();
  }, [key, onError, times]);
  return { corpora, problem, reload: useCallback(() => setTimes((before) => before + 1), []) };
};
