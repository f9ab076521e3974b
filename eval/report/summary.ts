// What `--json` prints: the figures of the main table, and the same for the other text.
import { armsOf, cell } from '../figures/arms.ts';
import type { StudyRuns } from '../figures/study.ts';
import { COUNTS } from '../run/grid.ts';

const figuresOf = (runs: StudyRuns, question: string, n: number) => {
  const arms = armsOf(runs.plan, runs.ledger, question);
  const [nn, sift] = [cell(arms, 'nn', n), cell(arms, 'sift', n)];
  if (nn === undefined || sift === undefined) return undefined;
  const at = (arm: string) =>
    Object.fromEntries(
      COUNTS.flatMap((count) => {
        const found = cell(arms, arm, count);
        return found === undefined ? [] : [[count, Number(found.bpb.toFixed(5))]];
      }),
    );
  const ends = ({ low, high }: { low: number; high: number }) => [Number(low.toFixed(5)), Number(high.toFixed(5))];
  return {
    bpb: { base: Number(sift.base.toFixed(5)), nn: at('nn'), sift: at('sift') },
    n,
    prompts: sift.prompts,
    ci: {
      sift_minus_nn: sift.toNn === undefined ? null : ends(sift.toNn.difference),
      sift_minus_base: ends(sift.toBase.difference),
      nn_minus_base: ends(nn.toBase.difference),
    },
    sift_below_nn: sift.toNn?.wins ?? null,
  };
};

export const summaryOf = (runs: StudyRuns, n: number) => {
  const main = figuresOf(runs, 'main', n);
  if (main === undefined) throw new Error(`no prompt has been tuned for ${n} steps yet`);
  const { scored } = runs;
  const other = scored === 'prompt' ? 'continuation' : 'prompt';
  return {
    scored,
    ...main,
    [other]: figuresOf(runs, 'other score', n) ?? null,
    fingerprint: runs.setting.fingerprint,
  };
};
