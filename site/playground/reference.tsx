// Bits per byte of a text that should follow the prompt: what the model needs to write it, before and after.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ScoreBody, SiftClient } from '../../client/index.ts';
import { sentence } from './session.ts';

interface Props {
  readonly client: SiftClient;
  readonly model: string;
  readonly prompt: string;
  readonly sift: NonNullable<ScoreBody['sift']>;
  readonly ready: boolean;
  readonly onError: (error: unknown) => void;
}

export const Reference = ({ client, model, prompt, sift, ready, onError }: Props) => {
  const [text, setText] = useState('');
  const [said, setSaid] = useState('');
  const [busy, setBusy] = useState(false);
  const leave = useRef<AbortController>(undefined);
  useEffect(() => () => leave.current?.abort(), []);
  const measure = async (): Promise<void> => {
    const mine = new AbortController();
    leave.current = mine;
    setBusy(true);
    setSaid('Measuring…');
    try {
      const { before, after } = await client.score({ model, context: prompt, text, sift }, { signal: mine.signal });
      const [from, to] = [before.bits_per_byte, after.bits_per_byte];
      const change = 100 * (to / from - 1);
      setSaid(
        `${from.toFixed(3)} bits per byte before, ${to.toFixed(3)} after: ${Math.abs(change).toFixed(1)} % ${change <= 0 ? 'fewer' : 'more'}.`,
      );
    } catch (error) {
      if (mine.signal.aborted) return;
      setSaid(sentence(error));
      onError(error);
    }
    setBusy(false);
  };
  return (
    <details class="card reference">
      <summary>Measure it on a text that should follow</summary>
      <label for="reference">What a good answer is; fewer bits per byte are better</label>
      <textarea
        id="reference"
        rows={3}
        dir="auto"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="button" disabled={!ready || busy || text === ''} onClick={() => void measure()}>
        Measure
      </button>
      <p role="status">{said}</p>
    </details>
  );
};
