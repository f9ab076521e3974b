// What `--json` prints.
import type { Material } from './analysis.ts';
import { armsOf, cell } from './figures.ts';
import { COUNTS } from './plan.ts';

export const summaryOf = (material: Material, n: number) => {
  const main = armsOf(material.plan, material.ledger, 'main');
  const [nn, sift] = [cell(main, 'nn', n), cell(main, 'sift', n)];
  if (nn === undefined || sift === undefined) throw new Error(`no prompt has been tuned for ${n} steps yet`);
  const at = (arm: string) =>
    Object.fromEntries(
      COUNTS.flatMap((count) => {
        const found = cell(main, arm, count);
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
    fingerprint: material.setting.fingerprint,
  };
};
