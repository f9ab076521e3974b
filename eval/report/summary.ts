// What `--json` prints: the figures of the main table, and beside them those of the other text.

import { armsOf, cell } from '../figures/figures.ts';
import { COUNTS } from '../run/plan.ts';
import type { Material } from './analysis.ts';

const figuresOf = (material: Material, question: string, n: number) => {
  const arms = armsOf(material.plan, material.ledger, question);
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

export const summaryOf = (material: Material, n: number) => {
  const main = figuresOf(material, 'main', n);
  if (main === undefined) throw new Error(`no prompt has been tuned for ${n} steps yet`);
  const { scored } = material;
  const other = scored === 'prompt' ? 'continuation' : 'prompt';
  return {
    scored,
    ...main,
    [other]: figuresOf(material, 'other score', n) ?? null,
    fingerprint: material.setting.fingerprint,
  };
};
