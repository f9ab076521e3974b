// Asks for the key, once a tab.
import { useState } from 'preact/hooks';

export const Gate = ({ problem, onKey }: { problem: string; onKey: (key: string) => void }) => {
  const [typed, setTyped] = useState('');
  return (
    <form
      class="gate card"
      onSubmit={(event) => {
        event.preventDefault();
        if (typed.trim() !== '') onKey(typed.trim());
      }}
    >
      <label for="key">API key</label>
      <p class="hint" id="key-hint">
        <code>npm start</code> prints one on its terminal. It stays in this tab and goes to this edge alone.
      </p>
      <div class="row">
        <input
          id="key"
          type="password"
          autocomplete="off"
          spellcheck={false}
          aria-describedby="key-hint key-problem"
          aria-invalid={problem !== ''}
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        <button type="submit" class="primary">
          Use this key
        </button>
      </div>
      <p id="key-problem" class="problem" role="alert">
        {problem}
      </p>
    </form>
  );
};
