// Text into a corpus: files that are chosen or dropped, or what is pasted. What was refused is listed with the reason.
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Example, type Progress, type SiftClient, SiftError } from '../../client/index.ts';
import { examplesOf, type Refused } from './files.ts';
import { sentence } from './session.ts';

interface Props {
  readonly client: SiftClient;
  readonly corpus: string;
  readonly onChanged: (corpus: string) => void;
  readonly onError: (error: unknown) => void;
}

/** Characters of a chunk, as `npm start` cuts. */
const CHUNK = 700;
const SHOWN_REFUSALS = 100;

const told = ({ created, updated, unchanged, errors }: Progress): string =>
  `${created} new, ${updated} changed, ${unchanged} as before, ${errors} refused`;

export const Upload = ({ client, corpus, onChanged, onError }: Props) => {
  const [name, setName] = useState('');
  const [pasted, setPasted] = useState('');
  const [state, setState] = useState('');
  const [refused, setRefused] = useState<readonly Refused[]>([]);
  const [busy, setBusy] = useState(false);
  const [over, setOver] = useState(false);
  const leave = useRef<AbortController>(undefined);
  useEffect(() => () => leave.current?.abort(), []);
  const into = name.trim() === '' ? corpus : name.trim();

  const send = async (examples: readonly Example[], already: readonly Refused[]): Promise<void> => {
    const mine = new AbortController();
    leave.current = mine;
    const turnedDown: Refused[] = [...already];
    setRefused(turnedDown);
    setBusy(true);
    setState(`0 of ${examples.length} texts`);
    try {
      const done = await client.ingest(into, examples, {
        signal: mine.signal,
        batch: 25,
        query: { chunk: CHUNK },
        onResult: ({ line, id, status, error }, { source }) => {
          if (status !== 'error') return;
          turnedDown.push({ name: id ?? source ?? `text ${line}`, why: error?.message ?? 'was refused' });
        },
        onProgress: (progress) => setState(`${progress.done} of ${examples.length} texts: ${told(progress)}`),
      });
      setState(`Done: ${told(done)}.`);
      if (done.created + done.updated > 0) onChanged(into);
    } catch (error) {
      setState(mine.signal.aborted ? 'Stopped: what was told so far is in the corpus.' : sentence(error));
      if (!mine.signal.aborted) onError(error instanceof SiftError ? error : undefined);
    }
    setRefused([...turnedDown]);
    setBusy(false);
  };

  const take = async (files: Iterable<File>): Promise<void> => {
    const read = await Promise.all(
      Array.from(files, async (file) => examplesOf(file.name, new Uint8Array(await file.arrayBuffer()))),
    );
    const examples = read.flatMap((one) => one.examples);
    const unread = read.flatMap((one) => one.refused);
    if (examples.length > 0) return send(examples, unread);
    setRefused(unread);
    setState('No text in these files.');
  };

  return (
    <section
      class={`card upload${over ? ' over' : ''}`}
      aria-labelledby="upload-title"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        if (!busy && into !== '') void take(event.dataTransfer?.files ?? []);
      }}
    >
      <h2 id="upload-title">Put text in</h2>
      <label for="into">Into the corpus (a new name makes a new one)</label>
      <input
        id="into"
        value={name}
        placeholder={corpus}
        spellcheck={false}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <label for="files">Text files, or drop them here; .jsonl brings one example a line</label>
      <input
        id="files"
        type="file"
        multiple
        disabled={busy || into === ''}
        onChange={(event) => {
          const input = event.currentTarget;
          void take([...(input.files ?? [])]).finally(() => {
            input.value = '';
          });
        }}
      />
      <label for="pasted">Or paste text</label>
      <textarea
        id="pasted"
        rows={4}
        dir="auto"
        value={pasted}
        onInput={(event) => setPasted(event.currentTarget.value)}
      />
      <div class="row">
        <button
          type="button"
          class="primary"
          disabled={busy || into === '' || pasted.trim() === ''}
          onClick={() => void send([{ text: pasted, source: 'pasted' }], []).then(() => setPasted(''))}
        >
          Add the pasted text
        </button>
        {busy && (
          <button type="button" onClick={() => leave.current?.abort()}>
            Stop
          </button>
        )}
      </div>
      <p role="status">{state}</p>
      {refused.length > 0 && (
        <>
          <h3>Refused</h3>
          <ul class="refused">
            {refused.slice(0, SHOWN_REFUSALS).map(({ name: which, why }, i) => (
              <li key={`${which}-${i}`}>
                <bdi>{which}</bdi>: <bdi>{why}</bdi>
              </li>
            ))}
            {refused.length > SHOWN_REFUSALS && <li>{`and ${refused.length - SHOWN_REFUSALS} more`}</li>}
          </ul>
        </>
      )}
    </section>
  );
};
