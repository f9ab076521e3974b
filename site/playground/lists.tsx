// The picks of the three strategies side by side. Texts of a corpus are whatever somebody uploaded: they are shown as text,
// and each in a direction of its own, so that marks of writing direction in one change nothing beside it.
import { useEffect, useRef } from 'preact/hooks';
import { type Compared, gistOf } from './compare.ts';
import { Delete } from './delete.tsx';
import { differencesOf, percent, type Row } from './differences.ts';
import { Text } from './text.tsx';

type Strategy = 'sift' | 'nn' | 'mmr';

const TITLES: Readonly<Record<Strategy, { title: string; says: string }>> = {
  sift: { title: 'SIFT', says: 'what adds most to the picks before it' },
  nn: { title: 'Nearest neighbours', says: 'what is most similar, repetitions included' },
  mmr: { title: 'MMR', says: 'similar to the prompt, less similar to the picks before' },
};

const badgeOf = (strategy: Strategy, { marked }: Row): string | undefined => {
  if (marked === undefined) return undefined;
  if (strategy === 'sift') return marked === 'only' ? 'only SIFT' : 'nearest too';
  return marked === 'only' ? `only ${strategy === 'nn' ? 'nearest' : 'MMR'}` : 'SIFT too';
};

interface ItemProps {
  readonly strategy: Strategy;
  readonly row: Row;
  readonly before: number;
  readonly open: boolean;
  readonly onDelete: (id: string) => void;
}

const Item = ({ strategy, row, before, open, onDelete }: ItemProps) => {
  const { pick, place, like } = row;
  const badge = badgeOf(strategy, row);
  const element = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    if (!open || element.current === null) return;
    element.current.open = true;
    element.current.scrollIntoView({ block: 'nearest' });
    element.current.querySelector('summary')?.focus({ preventScroll: true });
  }, [open]);
  const gain = pick.explained === null ? undefined : Math.max(pick.explained - before, 0);
  return (
    <li class={row.marked ?? ''}>
      <details ref={element}>
        <summary>
          <span class="place">{place}</span>
          <span class="gist">
            <bdi>{gistOf(pick, 200)}</bdi>
          </span>
          <span class="facts">
            {badge !== undefined && <span class={`badge ${row.marked}`}>{badge}</span>}
            <span>similarity {pick.similarity.toFixed(2)}</span>
            {gain !== undefined && <span>adds {percent(gain)}</span>}
            {like !== undefined && (strategy === 'sift' || row.marked === 'only') && (
              <span>
                {percent(like.cosine)} like {strategy === 'sift' ? '' : 'SIFT’s '}pick {like.place}
              </span>
            )}
            {pick.copies > 1 && <span>stands for {pick.copies} copies</span>}
          </span>
          {strategy === 'sift' && gain !== undefined && (
            <svg class="gain" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
              <rect width={100 * Math.min(gain, 1)} height="4" />
            </svg>
          )}
        </summary>
        <Text label={`Text of ${strategy} pick ${place}`}>{pick.text || '(an example without text)'}</Text>
        <p class="hint">
          <bdi>{pick.id}</bdi>
          {pick.source !== null && (
            <>
              {' from '}
              <bdi>{pick.source}</bdi>
            </>
          )}
          {`; covariance ${pick.covariance.toFixed(4)}, gain ${pick.score.toPrecision(3)}, σ² after it ${pick.sigma2.toPrecision(4)}`}
        </p>
        <Delete onDelete={() => onDelete(pick.id)} />
      </details>
    </li>
  );
};

interface Props {
  readonly compared: Compared;
  /** The example that was asked for on the map, and how often: the same may be asked for again. */
  readonly opened: { readonly id: string; readonly times: number };
  readonly onDelete: (id: string) => void;
}

export const Lists = ({ compared, opened, onDelete }: Props) => {
  const rows = differencesOf(compared);
  const holder = (['sift', 'nn', 'mmr'] as const).find((name) => rows[name].some(({ pick }) => pick.id === opened.id));
  return (
    <div class="lists">
      {(['sift', 'nn', 'mmr'] as const).map((strategy) => (
        <section key={strategy} class={`card list ${strategy}`} aria-labelledby={`list-${strategy}`}>
          <h3 id={`list-${strategy}`}>{TITLES[strategy].title}</h3>
          <p class="hint">{TITLES[strategy].says}</p>
          <ol>
            {rows[strategy].map((row, i) => (
              <Item
                key={`${row.pick.id}-${i}-${row.pick.id === opened.id ? opened.times : 0}`}
                strategy={strategy}
                row={row}
                before={rows[strategy][i - 1]?.pick.explained ?? 0}
                open={holder === strategy && row.pick.id === opened.id}
                onDelete={onDelete}
              />
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
};
