// All pictures of the study, each left out where there is nothing to draw yet.
import { type Arms, compare, domainsOf, ofDomain, valuesAt } from '../figures/arms.ts';
import { mainCells, onCommonPrompts } from '../figures/cells.ts';
import type { StudyFigures, TextFigures } from '../figures/study.ts';
import { KERNELS, kernelName, POOLS, STEPS } from '../run/grid.ts';
import { gainOf } from './format.ts';
import { type Bar, barPicture, curvePicture, domainPicture, scatterPicture, stoppingPicture } from './pictures.ts';
import type { Picture } from './style.ts';

const curve = (id: string, { scored, arms }: TextFigures): Picture =>
  curvePicture(
    id,
    scored,
    mainCells(onCommonPrompts(arms)).map(({ arm, n, percent, base, toBase: { difference } }) => ({
      arm,
      n,
      percent,
      low: 100 + (100 * difference.low) / base,
      high: 100 + (100 * difference.high) / base,
    })),
  );

const domains = (arms: Arms): Picture[] => {
  const rows = domainsOf(arms.get('base')).flatMap((domain) => {
    const own = ofDomain(arms, domain);
    const found = compare(valuesAt(own.get('sift'), STEPS), valuesAt(own.get('nn'), STEPS));
    return found === undefined ? [] : [{ domain: `${domain} (${found.prompts})`, ...found.difference }];
  });
  return rows.length === 0 ? [] : [domainPicture(rows, STEPS)];
};

const copies = ({ copies: losses }: StudyFigures): Picture[] => {
  if (losses.length === 0) return [];
  const bars = losses.map(({ strategy, copies: times, gain: { mean: y, low, high } }) => ({
    x: String(times),
    series: strategy,
    y,
    low,
    high,
  }));
  const title = 'Every example several times in the corpus';
  return [barPicture('copies', title, 'copies of every example', `gain after ${STEPS} steps, bits per byte`, bars)];
};

/** The gain of SIFT with each of some settings: kernels, pools. */
const gains = (
  { armsOf, bases }: StudyFigures,
  { id, title, x, names }: { id: string; title: string; x: string; names: readonly string[] },
): Picture[] => {
  const arms = armsOf(id);
  const bars = names.flatMap((name): Bar[] => {
    const gain = compare(valuesAt(arms.get(name), STEPS), bases)?.difference;
    if (gain === undefined) return [];
    const { mean: y, low, high } = gainOf(gain);
    return [{ x: name, series: 'sift', y, low, high }];
  });
  if (bars.length === 0) return [];
  return [barPicture(id, `${title}: gain of SIFT after ${STEPS} steps`, x, 'base − tuned, bits per byte', bars)];
};

const prediction = ({ prediction: { points } }: TextFigures): Picture[] =>
  points.length === 0 ? [] : [scatterPicture(points.filter(({ n }) => n === 5 || n === STEPS || n === 20))];

export const picturesOf = (figures: StudyFigures): Picture[] => {
  const { main, other, farStops } = figures;
  return [
    curve('curve', main),
    ...(other.arms.size === 0 ? [] : [curve('other-curve', other)]),
    ...domains(main.arms),
    ...copies(figures),
    ...gains(figures, {
      id: 'kernel',
      title: 'Degree of the kernel and λ',
      x: 'degree p and λ',
      names: KERNELS.map(kernelName),
    }),
    ...gains(figures, {
      id: 'pools',
      title: 'Pools',
      x: 'queries × candidates',
      names: POOLS.map(({ name }) => name),
    }),
    ...prediction(main),
    ...[...main.stops, farStops].flatMap(({ rules, most }) =>
      rules.length === 0 ? [] : [stoppingPicture(rules, most)],
    ),
  ];
};
