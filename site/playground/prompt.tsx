// What is asked: a corpus, a prompt, how to select. And the same elsewhere: a link to this view, and a command line.
import { useState } from 'preact/hooks';
import { commandLine } from './command-line.ts';
import type { View } from './fragment.ts';
import { Sliders } from './sliders.tsx';
import { Text } from './text.tsx';

interface Props {
  readonly corpora: readonly string[];
  readonly view: View;
  readonly link: string;
  readonly onChange: (part: Partial<View>) => void;
}

export const Prompt = ({ corpora, view, link, onChange }: Props) => {
  const [copied, setCopied] = useState('');
  const address = `${location.origin}${location.pathname}${link}`;
  const command = commandLine(view, location.origin);
  const copy = (text: string, said: string): Promise<void> =>
    navigator.clipboard.writeText(text).then(
      () => setCopied(said),
      () => setCopied('The browser does not let it be copied: select the text, or the address bar, and copy that.'),
    );
  const names = view.corpus === '' || corpora.includes(view.corpus) ? corpora : [view.corpus, ...corpora];
  return (
    <section class="ask card" aria-labelledby="ask-title">
      <h2 id="ask-title">Prompt</h2>
      <label for="corpus">Corpus</label>
      <select id="corpus" value={view.corpus} onChange={(event) => onChange({ corpus: event.currentTarget.value })}>
        {names.length === 0 && <option value="">none yet</option>}
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      <label for="prompt">Prompt</label>
      <textarea
        id="prompt"
        rows={3}
        dir="auto"
        value={view.prompt}
        onInput={(event) => onChange({ prompt: event.currentTarget.value })}
      />
      <Sliders settings={view} onChange={(name, value) => onChange({ [name]: value })} />
      <div class="row">
        <button
          type="button"
          onClick={() => copy(address, 'Copied: whoever has a key of this tenant sees the same view.')}
        >
          Copy a link to this view
        </button>
      </div>
      <p class="hint" role="status">
        {copied}
      </p>
      {view.corpus !== '' && view.prompt.trim() !== '' && (
        <details class="command">
          <summary>The same on a command line</summary>
          <Text label="Command">{command}</Text>
          <p class="hint">
            In a clone, or after <code>npm i sift-edge</code>; the key goes into the variable <code>SIFT_KEY</code>.
          </p>
          <button type="button" onClick={() => copy(command, 'Copied.')}>
            Copy the command
          </button>
        </details>
      )}
    </section>
  );
};
