// What is asked: a corpus, a prompt, how to select. And the link to this view.
import { useState } from 'preact/hooks';
import type { View } from './fragment.ts';
import { Sliders } from './sliders.tsx';

interface Props {
  readonly corpora: readonly string[];
  readonly view: View;
  readonly link: string;
  readonly onChange: (part: Partial<View>) => void;
}

export const Prompt = ({ corpora, view, link, onChange }: Props) => {
  const [copied, setCopied] = useState('');
  const address = `${location.origin}${location.pathname}${link}`;
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
        rows={5}
        dir="auto"
        value={view.prompt}
        onInput={(event) => onChange({ prompt: event.currentTarget.value })}
      />
      <Sliders settings={view} onChange={(name, value) => onChange({ [name]: value })} />
      <div class="row">
        <button
          type="button"
          onClick={() =>
            navigator.clipboard.writeText(address).then(
              () => setCopied('Copied: whoever has a key of this tenant sees the same view.'),
              () => setCopied('The browser does not let it be copied; the address bar has it.'),
            )
          }
        >
          Copy a link to this view
        </button>
      </div>
      <p class="hint" role="status">
        {copied}
      </p>
    </section>
  );
};
