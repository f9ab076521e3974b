// The gateway's models; selections work without them.
import { useEffect, useState } from 'preact/hooks';
import type { SiftClient } from '../../client/index.ts';
import type { ModelOnWire } from '../../wire/api/model.ts';
import { sentence } from './session.ts';

export type Model = Extract<ModelOnWire, { kind: 'generate' }>;

export const useModels = (client: SiftClient) => {
  const [models, setModels] = useState<readonly Model[]>();
  const [problem, setProblem] = useState('');
  const [times, setTimes] = useState(0);
  useEffect(() => {
    const leave = new AbortController();
    setProblem('');
    client.models({ signal: leave.signal }).then(
      ({ data }) => setModels(data.filter((model): model is Model => model.kind === 'generate' && !model.tuned)),
      (error: unknown) => leave.signal.aborted || setProblem(sentence(error)),
    );
    return () => leave.abort();
  }, [client, times]);
  return { models, problem, again: () => setTimes((before) => before + 1) };
};
