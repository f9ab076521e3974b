// The map: to the right what is like the prompt, up and down what differs among the examples. Shape tells as much as colour.
// Everything on it is in the lists beside it, which screen readers and keyboards use.
import { type Compared, gistOf, type Pick } from './compare.ts';
import { percent } from './differences.ts';
import { heights } from './plane.ts';

const WIDTH = 440;
const HEIGHT = 270;
const PAD = 28;

interface Point {
  readonly pick: Pick;
  readonly kind: 'sift' | 'both' | 'other' | 'pool';
  /** Among SIFT's picks. */
  readonly place: number | undefined;
  readonly x: number;
  readonly y: number;
}

const pointsOf = ({ sift, nn = [], mmr = [], pool = [], vectors, prompt }: Compared): Point[] => {
  const places = new Map(sift.picks.map(({ id }, i) => [id, i + 1]));
  const others = new Set([...nn, ...mmr].map(({ id }) => id));
  const all = [...new Map([...sift.picks, ...nn, ...mmr, ...pool].map((pick) => [pick.id, pick])).values()];
  const drawn = vectors === undefined ? all : all.filter(({ id }) => vectors.has(id));
  const up =
    vectors === undefined || prompt === undefined
      ? drawn.map(() => 0)
      : heights(
          prompt,
          drawn.map(({ id }) => vectors.get(id) ?? []),
        );
  const likes = drawn.map(({ similarity }) => similarity);
  const [low, high] = [Math.min(...likes), Math.max(...likes)];
  const tallest = Math.max(...up.map(Math.abs)) || 1;
  const points = drawn.map((pick, i): Point => {
    const place = places.get(pick.id);
    const kind = place === undefined ? (others.has(pick.id) ? 'other' : 'pool') : others.has(pick.id) ? 'both' : 'sift';
    const x = PAD + ((pick.similarity - low) / (high - low || 1)) * (WIDTH - 3.6 * PAD);
    return { pick, kind, place, x, y: HEIGHT / 2 - ((up[i] ?? 0) / tallest) * (HEIGHT / 2 - PAD) };
  });
  // the picks last, so that nothing covers them
  return points.sort((a, b) => Number(a.place !== undefined) - Number(b.place !== undefined));
};

const Mark = ({ kind, x, y }: Point) => {
  switch (kind) {
    case 'pool':
      return <circle cx={x} cy={y} r="4" />;
    case 'other':
      return <path d={`M${x} ${y - 7}L${x + 7} ${y + 5}H${x - 7}Z`} />;
    case 'both':
      return <rect x={x - 8} y={y - 8} width="16" height="16" rx="3" />;
    default:
      return <circle cx={x} cy={y} r="8.5" />;
  }
};

export const PickMap = ({ compared, onOpen }: { compared: Compared; onOpen: (id: string) => void }) => {
  const points = pointsOf(compared);
  const flat = compared.vectors === undefined;
  return (
    <figure class="card map">
      <figcaption>
        <h3>Map</h3>
        <p class="hint">
          Right: more like the prompt. {flat ? '' : 'Up and down: the direction in which these examples differ most.'}
        </p>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`Map of ${points.length} candidates; the lists below have the same picks with their figures`}
      >
        <line class="axis" x1={PAD} y1={HEIGHT / 2} x2={WIDTH - PAD} y2={HEIGHT / 2} />
        <g class="prompt">
          <path d={`M${WIDTH - PAD} ${HEIGHT / 2 - 11}l11 11l-11 11l-11 -11Z`} />
          <text x={WIDTH - 4} y={HEIGHT / 2 - 18} text-anchor="end">
            prompt
          </text>
        </g>
        {points.map((point) => (
          // biome-ignore lint/a11y/noStaticElementInteractions: a short cut for a pointer; the lists open the same by keyboard
          <g key={point.pick.id} class={`point ${point.kind}`} onClick={() => onOpen(point.pick.id)}>
            <title>
              {`${point.place === undefined ? '' : `pick ${point.place}, `}similarity ${point.pick.similarity.toFixed(3)}${
                point.pick.copies > 1 ? `, ${point.pick.copies} copies` : ''
              }: ${gistOf(point.pick, 160)}`}
            </title>
            {point.pick.copies > 1 && <circle class="copies" cx={point.x} cy={point.y} r="14" />}
            <Mark {...point} />
            {point.place !== undefined && (
              <text x={point.x} y={point.y + 4} text-anchor="middle">
                {point.place}
              </text>
            )}
          </g>
        ))}
      </svg>
      <ul class="legend">
        <li class="sift">only SIFT</li>
        <li class="both">SIFT and another</li>
        <li class="other">only nearest or MMR</li>
        <li class="pool">pool, not taken</li>
      </ul>
    </figure>
  );
};

const CURVES = [
  { name: 'sift', label: 'SIFT' },
  { name: 'nn', label: 'nearest' },
  { name: 'mmr', label: 'MMR' },
] as const;

/** The share explained after each pick, one line a strategy. */
export const Curve = ({ compared }: { compared: Compared }) => {
  const shares = (picks: readonly Pick[] = []): number[] => picks.flatMap(({ explained }) => explained ?? []);
  const lines = CURVES.map(({ name, label }) => ({
    name,
    label,
    shares: [0, ...shares(name === 'sift' ? compared.sift.picks : compared[name])],
  })).filter((line) => line.shares.length > 1);
  const most = Math.max(2, ...lines.map((line) => line.shares.length)) - 1;
  const x = (i: number): number => PAD + 12 + (i / most) * (WIDTH - 2 * PAD - 12);
  const y = (share: number): number => HEIGHT - PAD - Math.min(share, 1) * (HEIGHT - 2 * PAD);
  const words = lines.map((line) => `${line.label} ${percent(line.shares.at(-1))}`).join(', ');
  return (
    <figure class="card curve">
      <figcaption>
        <h3>Explained, pick by pick</h3>
        <p class="hint">The share of what the pool can say about the prompt that is said so far.</p>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`Explained after the last pick: ${words}`}>
        {[0, 0.5, 1].map((share) => (
          <g key={share}>
            <line class="axis" x1={x(0)} y1={y(share)} x2={x(most)} y2={y(share)} />
            <text class="tick" x={x(0) - 6} y={y(share) + 5} text-anchor="end">
              {100 * share}
            </text>
          </g>
        ))}
        {lines.map((line) => (
          <polyline
            key={line.name}
            class={line.name}
            points={line.shares.map((share, i) => `${x(i)},${y(share)}`).join(' ')}
          />
        ))}
        <text class="tick" x={x(most)} y={HEIGHT - 8} text-anchor="end">
          {`${most} picks`}
        </text>
      </svg>
      <ul class="legend lines">
        {lines.map((line) => (
          <li key={line.name} class={line.name}>{`${line.label} ${percent(line.shares.at(-1))}`}</li>
        ))}
      </ul>
    </figure>
  );
};
