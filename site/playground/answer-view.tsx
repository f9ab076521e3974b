// One answer: its text as it comes, times, and the losses of its steps as a small curve.
import type { Answer } from './answer.ts';
import { Text } from './text.tsx';

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;

const Losses = ({ losses }: { losses: readonly number[] }) => {
  const most = Math.max(...losses);
  const x = (i: number): number => (losses.length === 1 ? 100 : 4 + (i / (losses.length - 1)) * 192);
  const points = losses.map((loss, i) => `${x(i)},${38 - (loss / (most || 1)) * 32}`);
  const told = `Loss of ${losses.length} steps, each on its example: ${losses.map((loss) => loss.toFixed(2)).join(', ')}`;
  return (
    <figure class="losses">
      <svg viewBox="0 0 200 40" role="img" aria-label={told}>
        <line class="axis" x1="4" y1="38" x2="196" y2="38" />
        <polyline class="sift" points={points.join(' ')} />
        {points.map((point) => (
          <circle key={point} cx={point.split(',')[0]} cy={point.split(',')[1]} r="2.5" />
        ))}
      </svg>
      <figcaption class="hint">
        {`loss on each example before its step, ${losses[0]?.toFixed(2)} to ${losses.at(-1)?.toFixed(2)}`}
      </figcaption>
    </figure>
  );
};

export const AnswerView = ({ title, answer }: { title: string; answer: Answer }) => {
  const { state, text, stage, losses, firstMs, totalMs, tokens, guard, problem } = answer;
  const facts = [
    ...(firstMs === undefined ? [] : [`first token after ${seconds(firstMs)}`]),
    ...(totalMs === undefined ? [] : [`${seconds(totalMs)} in all`]),
    ...(tokens === undefined ? [] : [`${tokens} tokens`]),
    ...(guard === undefined ? [] : [`guard: ${guard}`]),
  ];
  return (
    <article class="card answer" aria-busy={state === 'busy'}>
      <h3>{title}</h3>
      <p class="stage" role="status">
        {state === 'busy' ? stage : state === 'done' ? 'done' : stage}
      </p>
      {losses.length > 0 && <Losses losses={losses} />}
      <Text label={`Answer of ${title}`}>{text}</Text>
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <p class="hint">{facts.join(', ')}</p>
    </article>
  );
};
