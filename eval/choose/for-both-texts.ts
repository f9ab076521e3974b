// A selection whose picks may be used whatever is scored, the prompt's own text or its continuation: among what holds no part
// of either.
import { dot } from '../../functions/vectors/algebra.ts';
import { at } from '../../wire/list.ts';
import type { RankedPick } from '../../wire/tune/requests.ts';
import type { Prompt } from '../material/prompts.ts';
import type { Setting } from '../material/setting.ts';
import { select } from './select.ts';
import type { SelectionSpec } from './spec.ts';

export interface Picked {
  readonly picks: readonly RankedPick[];
  readonly variances: readonly number[];
}

export const selectForBothTexts = async (setting: Setting, prompt: Prompt, wanted: SelectionSpec): Promise<Picked> => {
  const view = setting.viewOf(prompt, wanted, 'continuation');
  const { mask } = setting.viewOf(prompt, wanted, 'prompt');
  const both = { ...view, mask: view.mask.map((shown, i) => shown * at(mask, i)) };
  const { picks, variances } = await select(setting.kernel, both, wanted);
  return {
    picks: picks.map((i) => ({
      id: String(i),
      text: at(view.corpus.examples, i).text,
      similarity: dot(view.corpus.store.row(i), view.vector),
    })),
    variances,
  };
};
