// `npm run bench -- fleet [--model 0.5B|1.5B|8B] [options]`: how many GPU servers a stream of prompts needs so that the first
// token comes within --target seconds for 99 of 100, what keeping adapters and sending a prompt to where its adapter is are
// worth, and what the loss of a server costs. A SIMULATION: its times are assumptions, by default the arithmetic of one H100
// (docs/design/scale.md says how they were got), or what was measured, by --token-us, --floor-ms and --decode-ms.
import { parseArgs } from 'node:util';
import { at } from '../../wire/list.ts';
import { quantile } from '../statistics.ts';
import { type FleetFigures, type FleetOptions, simulate } from './fleet.ts';
import type { Times } from './gpu.ts';

/** By arithmetic, not measured: an H100 at 35 to 45 % of its bf16 peak, kernels captured in graphs. */
const ASSUMED: Readonly<Record<string, Times>> = {
  '0.5B': { tokenUs: 6.1, floorMs: 4.4, decodeMs: 1.5 },
  '1.5B': { tokenUs: 17, floorMs: 5.1, decodeMs: 2.4 },
  '8B': { tokenUs: 69.5, floorMs: 6.6, decodeMs: 9 },
};

const number = (name: string, text: string, least = 0): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < least) {
    throw new Error(`--${name} is '${text}', it must be a number of at least ${least}`);
  }
  return value;
};

const optionsOf = (args: string[]) => {
  const { values } = parseArgs({
    args,
    options: {
      model: { type: 'string', default: '0.5B' },
      'token-us': { type: 'string' },
      'floor-ms': { type: 'string' },
      'decode-ms': { type: 'string' },
      rate: { type: 'string', default: '1000' },
      gpus: { type: 'string' },
      regions: { type: 'string', default: '2' },
      steps: { type: 'string', default: '10' },
      tokens: { type: 'string', default: '128' },
      selections: { type: 'string', default: '1000000' },
      skew: { type: 'string', default: '1' },
      cached: { type: 'string', default: '2000' },
      target: { type: 'string', default: '1' },
      price: { type: 'string', default: '2.5' },
      seconds: { type: 'string', default: '20' },
      'warm-up': { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
    },
  });
  const assumed = ASSUMED[values.model];
  if (assumed === undefined) throw new Error(`--model is '${values.model}', it must be one of ${Object.keys(ASSUMED)}`);
  const given = (name: 'token-us' | 'floor-ms' | 'decode-ms', otherwise: number): number =>
    values[name] === undefined ? otherwise : number(name, values[name], 1e-6);
  const times: Times = {
    tokenUs: given('token-us', assumed.tokenUs),
    floorMs: given('floor-ms', assumed.floorMs),
    decodeMs: given('decode-ms', assumed.decodeMs),
  };
  const own = ['token-us', 'floor-ms', 'decode-ms'].some((name) => values[name as 'token-us'] !== undefined);
  const scale = values.quick ? 0.1 : 1;
  const rate = number('rate', values.rate, 0.1) * scale;
  const steps = number('steps', values.steps, 1);
  const tokens = number('tokens', values.tokens, 1);
  const [shortest, longest] = [256, 512];
  // of one prompt without an adapter: its steps in full passes, and its share of decoding steps of 24 rows
  const msOf = (steps * ((shortest + longest) / 2 + 32) * times.tokenUs) / 1_000 + (tokens * times.decodeMs) / 24;
  const regions = number('regions', values.regions, 1);
  const base: Omit<FleetOptions, 'routing' | 'regions'> = {
    gpu: { ...times, budget: 8_192, slots: 64, queue: 32, cached: number('cached', values.cached) },
    rate,
    selections: number('selections', values.selections, 1),
    skew: number('skew', values.skew),
    steps,
    exampleTokens: [shortest, longest],
    generated: tokens,
    seconds: number('seconds', values.seconds, 1),
    warmUpSeconds: number('warm-up', values['warm-up']),
    detectMs: 2_000,
    crossMs: 80,
    retryShare: 0.1,
    seed: number('seed', values.seed),
  };
  return {
    base,
    times,
    own,
    regions,
    model: values.model,
    /** Servers that full passes alone would keep busy all the time. */
    least: Math.max(1, Math.floor((rate * msOf) / 1_000)),
    fixed: values.gpus === undefined ? undefined : number('gpus', values.gpus, 1),
    targetMs: 1_000 * number('target', values.target, 0.01),
    price: number('price', values.price),
    json: values.json,
  };
};

const spread = (servers: number, regions: number): number[] =>
  Array.from({ length: regions }, (_, i) => Math.floor(servers / regions) + (i < servers % regions ? 1 : 0));

/** Of 1,000 prompts at most one is refused or lost, and the 99th of 100 begins within the target. */
const meets = ({ arrived, answered, firstToken }: FleetFigures, targetMs: number): boolean =>
  answered >= 0.999 * arrived && firstToken.length > 0 && quantile(firstToken, 0.99) <= targetMs;

/** So many times what full passes would keep busy is tried. */
const MOST = 8;

type Way = Omit<FleetOptions, 'regions'>;

/** The least number of servers that meets the target, and what they do. */
const sized = (way: Way, regions: number, least: number, targetMs: number) => {
  const tried = (servers: number) => simulate({ ...way, regions: spread(servers, regions) });
  let [low, high] = [Math.max(regions, Math.floor(least / 2)) - 1, Math.max(regions, least)];
  let figures = tried(high);
  while (!meets(figures, targetMs)) {
    // the steps of one prompt alone may take longer than that
    if (high > MOST * least)
      throw new Error(`no number of servers meets ${targetMs / 1_000} s: give a larger --target`);
    low = high;
    high = Math.ceil(high * 1.25) + 1;
    figures = tried(high);
  }
  while (high - low > Math.max(1, Math.floor(high / 50))) {
    const middle = Math.floor((low + high) / 2);
    const there = tried(middle);
    if (meets(there, targetMs)) [high, figures] = [middle, there];
    else low = middle;
  }
  return { servers: high, figures };
};

const share = (part: number, all: number): string => (all === 0 ? '–' : `${((100 * part) / all).toFixed(2)} %`);
const seconds = (times: readonly number[], of: number): string =>
  times.length === 0 ? '–' : (quantile(times, of) / 1_000).toFixed(2);

export const run = async (args: string[]): Promise<void> => {
  const { base, times, own, regions, model, least, fixed, targetMs, price, json } = optionsOf(args);
  const ways: { name: string; way: Way }[] = [
    { name: 'no adapter is kept', way: { ...base, gpu: { ...base.gpu, cached: 0 }, routing: 'least loaded' } },
    { name: 'kept, least loaded', way: { ...base, routing: 'least loaded' } },
    { name: 'kept, by the hash', way: { ...base, routing: 'hashed' } },
    { name: 'kept, and remembered where', way: { ...base, routing: 'remembered' } },
  ];
  const rows = ways.map(({ name, way }) => ({
    name,
    ...(fixed === undefined
      ? sized(way, regions, least, targetMs)
      : { servers: fixed, figures: simulate({ ...way, regions: spread(fixed, regions) }) }),
  }));
  const { servers } = at(rows, rows.length - 1);
  const dying: Way = { ...base, routing: 'remembered', dies: base.seconds / 3 };
  rows.push({
    name: 'the same, one server dies',
    servers,
    figures: simulate({ ...dying, regions: spread(servers, regions) }),
  });
  if (json) {
    const told = rows.map(({ name, servers: count, figures: { firstToken, ...figures } }) => ({
      name,
      servers: count,
      ...figures,
      p50: firstToken.length === 0 ? null : quantile(firstToken, 0.5),
      p99: firstToken.length === 0 ? null : quantile(firstToken, 0.99),
    }));
    return console.log(JSON.stringify({ simulated: true, model, times, options: base, regions, rows: told }));
  }
  const { rate, steps, exampleTokens, generated, selections, skew, gpu } = base;
  console.log('SIMULATED, not measured. Assumptions:');
  console.log(
    `  a server (${own ? 'times given' : 'one H100, by arithmetic'}, ${model}): ${times.tokenUs} µs a token trained, at least ${times.floorMs} ms a pass, ${times.decodeMs} ms a decoding step`,
  );
  console.log(
    `  ${rate} prompts a second in ${regions} regions, ${steps} steps of ${exampleTokens.join(' to ')} tokens, ${generated} tokens generated`,
  );
  console.log(
    `  ${selections} selections by Zipf's law of exponent ${skew}; ${gpu.cached} adapters kept a server; ${price} $ an hour a server`,
  );
  const columns = ['servers', 'answered', 'found', 'p50 s', 'p99 s', 'refused', 'failed', 'crossed', '$ a million'];
  console.log(''.padEnd(28), ...columns.map((column) => column.padStart(11)));
  for (const { name, servers: count, figures } of rows) {
    const { arrived, answered, found, firstToken, refused, failed, crossed } = figures;
    const cells = [
      String(count),
      share(answered, arrived),
      share(found, answered),
      seconds(firstToken, 0.5),
      seconds(firstToken, 0.99),
      share(refused, arrived),
      share(failed, arrived),
      share(crossed, arrived),
      ((count * price * 1e6) / 3_600 / rate).toFixed(0),
    ];
    console.log(name.padEnd(28), ...cells.map((cell) => cell.padStart(11)));
  }
};
