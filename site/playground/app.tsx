// The page: a key, a corpus, a prompt; what is selected for it; answers; the corpus itself.
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { Answers } from './answers.tsx';
import { Corpus } from './corpus.tsx';
import { fragmentOf, readFragment, type View } from './fragment.ts';
import { Gate } from './gate.tsx';
import { Prompt } from './prompt.tsx';
import { Selection } from './selection.tsx';
import { clientFor, isRefusedKey, rememberedKey, rememberKey, sentence } from './session.ts';
import { useCorpora } from './use-corpora.ts';
import { useSelection } from './use-selection.ts';

const opened = readFragment(location.hash);
if (opened.key !== undefined) {
  rememberKey(opened.key);
  history.replaceState(null, '', `${location.pathname}${fragmentOf(opened.view)}`);
}
const FIRST_PROMPT = 'How do I stream a response?';
const isEmpty = opened.view.selection === '' && opened.view.prompt === '';

export const App = () => {
  const [key, setKey] = useState(rememberedKey);
  const [refused, setRefused] = useState('');
  const [view, setView] = useState<View>(isEmpty ? { ...opened.view, prompt: FIRST_PROMPT } : opened.view);
  const [tab, setTab] = useState<'select' | 'corpus'>('select');
  const [epoch, setEpoch] = useState(0);
  const [failed, setFailed] = useState('');
  const client = useMemo(() => (key === '' ? undefined : clientFor(key)), [key]);

  const forget = useCallback((why: string) => {
    rememberKey('');
    setKey('');
    setRefused(why);
  }, []);
  const onError = useCallback((error: unknown) => isRefusedKey(error) && forget(sentence(error)), [forget]);
  const { corpora, problem, reload } = useCorpora(key, onError);

  // the first corpus, where the address names none
  useEffect(() => {
    const [first] = corpora ?? [];
    if (view.corpus === '' && view.selection === '' && first !== undefined) setView({ ...view, corpus: first });
  }, [corpora, view]);
  /** Another view is another selection. */
  const change = useCallback((part: Partial<View>) => setView((before) => ({ ...before, selection: '', ...part })), []);
  const changed = useCallback(() => {
    setEpoch((before) => before + 1);
    change({});
  }, [change]);
  const shown = useSelection({ client, view, epoch, onError });

  const selection = shown.compared?.sift.id ?? view.selection;
  const link = fragmentOf({ ...view, selection: shown.busy && view.selection === '' ? '' : selection });
  useEffect(() => {
    if (!shown.busy) history.replaceState(null, '', `${location.pathname}${link}`);
  }, [link, shown.busy]);
  useEffect(() => {
    const follow = (): void => {
      const { view: next, key: given } = readFragment(location.hash);
      if (given !== undefined) {
        rememberKey(given);
        setKey(given);
        history.replaceState(null, '', `${location.pathname}${fragmentOf(next)}`);
      }
      setView(next);
    };
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);

  const remove = async (id: string): Promise<void> => {
    setFailed('');
    await client?.deleteExample(view.corpus, id).then(changed, (error: unknown) => {
      onError(error);
      setFailed(sentence(error));
    });
  };

  const idle =
    corpora?.length === 0
      ? 'This edge has no corpus yet: put your text into one under “Corpus”.'
      : 'Type a prompt, and see which examples teach a model most about it.';
  return (
    <>
      <header>
        <h1>Sift Edge</h1>
        <p>
          Before a model answers, SIFT picks the few examples of your text that tell it most about the prompt: similar
          to it, and not the same thing twice.
        </p>
        {client !== undefined && (
          <nav aria-label="Parts">
            <button type="button" aria-current={tab === 'select' ? 'page' : undefined} onClick={() => setTab('select')}>
              Select and answer
            </button>
            <button type="button" aria-current={tab === 'corpus' ? 'page' : undefined} onClick={() => setTab('corpus')}>
              Corpus
            </button>
            <a href="/docs/">Docs</a>
            <button type="button" onClick={() => forget('')}>
              Forget the key
            </button>
          </nav>
        )}
      </header>
      {client === undefined ? (
        <main>
          <Gate
            problem={refused}
            onKey={(given) => {
              rememberKey(given);
              setRefused('');
              setKey(given);
            }}
          />
        </main>
      ) : (
        <main>
          <p class="problem" role="alert">
            {problem || failed}
          </p>
          <div class="split" hidden={tab !== 'select'}>
            <Prompt corpora={corpora ?? []} view={view} onChange={change} link={link} />
            <div class="results">
              <Selection {...shown} idle={idle} onDelete={(id) => void remove(id)} />
              <Answers key={key} client={client} view={view} onError={onError} />
            </div>
          </div>
          <div hidden={tab !== 'corpus'}>
            <Corpus
              key={key}
              apiKey={key}
              client={client}
              corpus={view.corpus}
              corpora={corpora ?? []}
              onCorpus={(corpus) => change({ corpus })}
              onChanged={(corpus) => {
                reload();
                setView((before) => ({ ...before, corpus, selection: '' }));
                changed();
              }}
              onError={onError}
            />
          </div>
        </main>
      )}
    </>
  );
};
