// The same prompt answered by the model as it is and after SIFT, side by side, and, where somebody pastes what the answer
// should have been, what each needs to write it.
import { useState } from 'preact/hooks';
import type { SiftClient } from '../../client/index.ts';
import { AnswerView } from './answer-view.tsx';
import type { View } from './fragment.ts';
import { Reference } from './reference.tsx';
import { useAnswer } from './use-answer.ts';
import { useModels } from './use-models.ts';

interface Props {
  readonly client: SiftClient;
  readonly view: View;
  readonly onError: (error: unknown) => void;
}

const USES = [
  { use: 'auto', says: 'as suits the model' },
  { use: 'tune', says: 'one gradient step on each' },
  { use: 'context', says: 'put before the prompt' },
  { use: 'both', says: 'steps, and before the prompt' },
] as const;
export type Use = (typeof USES)[number]['use'];

const TOKENS = 96;

export const Answers = ({ client, view, onError }: Props) => {
  const { models, problem, again } = useModels(client);
  const [chosen, setChosen] = useState('');
  const [use, setUse] = useState<Use>('auto');
  const base = useAnswer(client, onError);
  const tuned = useAnswer(client, onError);
  const model = models?.find(({ id }) => id === chosen) ?? models?.[0];
  const busy = base.answer.state === 'busy' || tuned.answer.state === 'busy';
  const ready = model !== undefined && view.corpus !== '' && view.prompt.trim() !== '';
  const { corpus, n, lambda, degree, rounds } = view;
  const sift = { corpus, n, lambda, degree, rounds, use };

  const start = (): void => {
    if (model === undefined) return;
    // the same dice for both: what differs is what was learnt
    const common = { max_tokens: TOKENS, temperature: 0.7, seed: 1 };
    const asked =
      model.chat === 'own'
        ? { ...common, messages: [{ role: 'user' as const, content: view.prompt }] }
        : { ...common, prompt: view.prompt };
    void base.run({ ...asked, model: model.id });
    void tuned.run({ ...asked, model: `${model.id}:sift`, sift });
  };
  return (
    <section class="answers" aria-labelledby="answers-title">
      <h2 id="answers-title">Answers, before and after</h2>
      {problem !== '' && (
        <>
          <p
            class="problem"
            role="alert"
          >{`No model can be asked: ${problem.replace(/\.$/, '')}. Selections work without one.`}</p>
          <button type="button" onClick={again}>
            Look again
          </button>
        </>
      )}
      {models?.length === 0 && <p>This edge has no model: it selects examples.</p>}
      {model !== undefined && (
        <div class="row controls">
          <label for="model">Model</label>
          <select id="model" value={model.id} onChange={(event) => setChosen(event.currentTarget.value)}>
            {models?.map(({ id }) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
          <label for="use">The examples</label>
          <select id="use" value={use} onChange={(event) => setUse(event.currentTarget.value as Use)}>
            {USES.map((one) => (
              <option key={one.use} value={one.use}>{`${one.use}: ${one.says}`}</option>
            ))}
          </select>
          {busy ? (
            <button
              type="button"
              onClick={() => {
                base.stop();
                tuned.stop();
              }}
            >
              Stop
            </button>
          ) : (
            <button type="button" class="primary" disabled={!ready} onClick={start}>
              Answer
            </button>
          )}
        </div>
      )}
      {model !== undefined && base.answer.state !== 'idle' && (
        <div class="two">
          <AnswerView title={model.id} answer={base.answer} />
          <AnswerView title={`${model.id}:sift`} answer={tuned.answer} />
        </div>
      )}
      {model !== undefined && (
        <Reference client={client} model={model.id} prompt={view.prompt} sift={sift} ready={ready} onError={onError} />
      )}
    </section>
  );
};
