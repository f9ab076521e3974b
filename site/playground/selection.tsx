// The selection as it stands: in words, as a map, as a curve, as three lists.
import { useState } from 'preact/hooks';
import type { Compared } from './compare.ts';
import { inWords } from './differences.ts';
import { Lists } from './lists.tsx';
import { Curve, PickMap } from './map.tsx';

export interface Shown {
  readonly compared: Compared | undefined;
  readonly busy: boolean;
  readonly problem: string;
}

interface Props extends Shown {
  readonly idle: string;
  readonly onDelete: (id: string) => void;
}

export const Selection = ({ compared, busy, problem, idle, onDelete }: Props) => {
  const [opened, setOpened] = useState({ id: '', times: 0 });
  const words = compared === undefined ? idle : inWords(compared);
  return (
    <section class="selection" aria-labelledby="selection-title" aria-busy={busy}>
      <h2 id="selection-title">Selection</h2>
      <p class="words" role="status">
        {busy && compared === undefined ? 'Selecting…' : problem === '' ? words : ''}
      </p>
      <p class="problem" role="alert">
        {problem}
      </p>
      {compared !== undefined && problem === '' && (
        <>
          {[...compared.notes, ...compared.sift.warnings].map((note) => (
            <p key={note} class="note">
              {note}
            </p>
          ))}
          {compared.sift.picks.length > 0 && (
            <>
              <div class="charts">
                <PickMap compared={compared} onOpen={(id) => setOpened(({ times }) => ({ id, times: times + 1 }))} />
                <Curve compared={compared} />
              </div>
              <Lists compared={compared} opened={opened} onDelete={onDelete} />
            </>
          )}
        </>
      )}
    </section>
  );
};
