// A batch of which one item is refused: halved until the culprits stand alone, so that the others get through.
// Trade-off: c culprits among n items cost about 2·c·log2(n) calls more; beyond the allowance what is left fails together.
import { asFault, type Fault, fail, ok, type Result } from '../../wire/faults.ts';
import { at } from '../../wire/list.ts';

export interface Halving<Item, Made> {
  /** Does all items at once, or throws: then none is done. Results in the items' order. */
  readonly work: (items: readonly Item[]) => Promise<readonly Made[]>;
  /** Whether a failure is about the items: then halves may get through. An outage is not. */
  readonly isRefusal: (fault: Fault) => boolean;
  /** Calls of `work` at most. */
  readonly calls: number;
}

/** One result for each item, in order. */
export const byHalves = async <Item, Made>(
  items: readonly Item[],
  { work, isRefusal, calls }: Halving<Item, Made>,
): Promise<Result<Made>[]> => {
  let left = calls;
  /** `known` is why a larger part failed, which holds for all of `some` once there are no calls left. */
  const attempt = async (some: readonly Item[], known?: Fault): Promise<Result<Made>[]> => {
    if (some.length === 0) return [];
    if (left === 0 && known !== undefined) return some.map(() => fail(known));
    left -= 1;
    try {
      const made = await work(some);
      return some.map((_, i) => ok(at(made, i)));
    } catch (error) {
      const fault = asFault(error);
      if (some.length === 1 || !isRefusal(fault)) return some.map(() => fail(fault));
      const middle = Math.ceil(some.length / 2);
      return [...(await attempt(some.slice(0, middle), fault)), ...(await attempt(some.slice(middle), fault))];
    }
  };
  return attempt(items);
};
