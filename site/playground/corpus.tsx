// The corpus: put text in, look at what is there, delete.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { SiftClient } from '../../client/index.ts';
import { SETTLED_MS } from '../../wire/limits.ts';
import { find, type Listed, senderFor } from './browse.ts';
import { Delete } from './delete.tsx';
import { sentence } from './session.ts';
import { Text } from './text.tsx';
import { Upload } from './upload.tsx';

interface Props {
  readonly apiKey: string;
  readonly client: SiftClient;
  readonly corpus: string;
  readonly corpora: readonly string[];
  readonly onCorpus: (corpus: string) => void;
  readonly onChanged: (corpus: string) => void;
  readonly onError: (error: unknown) => void;
}

export const Corpus = ({ apiKey, client, corpus, corpora, onCorpus, onChanged, onError }: Props) => {
  const send = useMemo(() => senderFor(apiKey), [apiKey]);
  const [words, setWords] = useState('');
  const [examples, setExamples] = useState<readonly Listed[]>([]);
  const [after, setAfter] = useState<string>();
  const [said, setSaid] = useState('');
  const [times, setTimes] = useState(0);
  const leave = useRef<AbortController>(undefined);

  const look = async (from: string | undefined): Promise<void> => {
    leave.current?.abort();
    const mine = new AbortController();
    leave.current = mine;
    const onLooked = (n: number): void => setSaid(`${n.toLocaleString('en')} examples looked through…`);
    try {
      const found = await find(send, corpus, { words, after: from, signal: mine.signal, onLooked });
      setExamples((before) => (from === undefined ? found.examples : [...before, ...found.examples]));
      setAfter(found.after);
      setSaid(found.examples.length === 0 ? 'Nothing found.' : '');
    } catch (error) {
      if (mine.signal.aborted) return;
      setSaid(sentence(error));
      onError(error);
    }
  };
  useEffect(() => {
    setExamples([]);
    setAfter(undefined);
    setSaid('');
    if (corpus === '') return;
    const timer = setTimeout(() => void look(undefined), SETTLED_MS);
    return () => {
      clearTimeout(timer);
      leave.current?.abort();
    };
  }, [corpus, words, times]);

  const remove = async (id: string): Promise<void> => {
    try {
      await client.deleteExample(corpus, id);
      setExamples((before) => before.filter((one) => one.id !== id));
      setSaid('Deleted; the selection is made anew.');
      onChanged(corpus);
    } catch (error) {
      setSaid(sentence(error));
      onError(error);
    }
  };
  return (
    <div class="corpus">
      <Upload
        client={client}
        corpus={corpus}
        onError={onError}
        onChanged={(changed) => {
          onChanged(changed);
          setTimes((before) => before + 1);
        }}
      />
      <section class="card" aria-labelledby="browse-title">
        <h2 id="browse-title">What is in it</h2>
        <div class="row controls">
          <label for="browsed">Corpus</label>
          <select id="browsed" value={corpus} onChange={(event) => onCorpus(event.currentTarget.value)}>
            {corpora.length === 0 && <option value="">none yet</option>}
            {corpora.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
          <label for="search">Search</label>
          <input id="search" type="search" value={words} onInput={(event) => setWords(event.currentTarget.value)} />
        </div>
        <p role="status">{said}</p>
        <ul class="examples">
          {examples.map(({ id, text, source }) => (
            <li key={id}>
              <details>
                <summary>
                  <span class="gist">
                    <bdi>{(text || '(no text)').slice(0, 200)}</bdi>
                  </span>
                  <span class="facts">
                    <bdi>{id.slice(0, 80)}</bdi>
                  </span>
                </summary>
                <Text label="Text of the example">{text || '(an example without text)'}</Text>
                <p class="hint">
                  <bdi>{source ?? 'without a source'}</bdi>
                </p>
                <Delete onDelete={() => void remove(id)} />
              </details>
            </li>
          ))}
        </ul>
        {after !== undefined && (
          <button type="button" onClick={() => void look(after)}>
            More
          </button>
        )}
      </section>
    </div>
  );
};
