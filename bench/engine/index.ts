// `npm run bench -- engine [--json] [--rounds R] [--model DIR] [--threads T] [--rank R] [--only full,lora,generate]`: how
// long a training step and a generated token of the untuned model take, by default on models/base with one thread, beside
// PyTorch on the same checkpoint where Python has it. The two take turns, so that other load on the machine affects both;
// figures are medians, ratios are medians of the ratios of each turn. Beside the clock's time stands the processor's, which
// says more where the machine is shared.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { whole } from '../../cli/arguments.ts';
import type { OpenOptions } from '../../gateway/backends/contract.ts';
import { readCheckpoint } from '../../gateway/backends/embedded/model/checkpoint.ts';
import { createModel } from '../../gateway/backends/embedded/model/model.ts';
import { createSession, type EngineSession } from '../../gateway/backends/embedded/session.ts';
import { MAX_RANK } from '../../wire/limits.ts';
import { at } from '../../wire/list.ts';
import { median } from '../statistics.ts';
import { runMemory } from './memory.ts';
import { startTorch } from './torch.ts';

const DIRECTORY = new URL('../../models/base', import.meta.url).pathname;
/** Tokens of the training example. */
const T = 256;
const GENERATED = 64;
const KINDS = ['full', 'lora', 'generate'] as const;
type Kind = (typeof KINDS)[number];
/** Tokens of the prompt that generation continues. */
const PROMPT = 128;

const TEXT = `# Streams

A stream is read with \`for await\`, piece by piece, and closed when its reader leaves. The helper returns a promise that
settles once the last byte has gone out; an error in the middle ends the stream and is given to \`onError\`.

\`\`\`ts
const stream = await open('notes.txt', { encoding: 'utf8', signal: AbortSignal.timeout(1000) });
for await (const line of stream) console.log(line);
\`\`\`

`;

const options = (method: OpenOptions['method'], rank: number): OpenOptions => ({
  model: 'base',
  method,
  rank,
  seed: 1,
  reuseGradients: false,
  optimiser: { learningRate: 1e-5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
});

export const run = async (args: readonly string[]): Promise<void> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      model: { type: 'string', default: DIRECTORY },
      rounds: { type: 'string' },
      threads: { type: 'string', default: '1' },
      rank: { type: 'string', default: '8' },
      only: { type: 'string', default: KINDS.join() },
      memory: { type: 'boolean', default: false },
    },
  });
  if (values.memory) return runMemory(values.model, values.json);
  const rounds = whole('rounds', values.rounds ?? (values.quick ? '7' : '21'), 1, 1000);
  const threads = whole('threads', values.threads, 1, 64);
  const rank = whole('rank', values.rank, 1, MAX_RANK);
  const checkpoint = await readCheckpoint(values.model);
  const model = createModel(checkpoint, threads);
  // exactly T + 1 ids with the start token, as text, so that sessions are timed as they are used
  const ids = model.tokenizer.encode(TEXT.repeat(20)).slice(0, T);
  const example = model.tokenizer.decode(ids);
  const start = model.architecture.start;
  const exact = [start, ...model.tokenizer.encode(example)].slice(0, T + 1);
  const prompt = model.tokenizer.decode(ids.slice(0, PROMPT));

  const kinds = KINDS.filter((kind) => values.only.split(',').includes(kind));
  // a session of full fine-tuning holds four times the model: only where it is timed
  const sessions = new Map<Kind, EngineSession>();
  const sessionOf = (kind: Kind): EngineSession => {
    const session = sessions.get(kind) ?? createSession(model, options(kind === 'full' ? 'full' : 'lora', rank));
    sessions.set(kind, session);
    return session;
  };
  const generate = async (): Promise<number> => {
    const sampling = { maxTokens: GENERATED, temperature: 0, topP: 1, topK: 0, stop: [], seed: 0 };
    const started = performance.now();
    const pieces = sessionOf('generate').generate(prompt, sampling, () => false);
    let next = await pieces.next();
    while (!next.done) next = await pieces.next();
    return (performance.now() - started) / Math.max(1, next.value.completionTokens);
  };
  const torch = await startTorch(values.model, threads, rank);
  const empty = (): Record<Kind, number[]> => ({ full: [], lora: [], generate: [] });
  const [ours, theirs, oursWorked, theirsWorked] = [empty(), empty(), empty(), empty()];
  const built = performance.now();
  for (const kind of kinds) if (kind !== 'generate') await sessionOf(kind).step(example);
  const firstSteps = performance.now() - built;
  for (let round = -2; round < rounds; round++) {
    for (const kind of kinds) {
      const before = process.cpuUsage();
      const mine = kind === 'generate' ? await generate() : (await sessionOf(kind).step(example)).ms;
      const { user, system } = process.cpuUsage(before);
      const request =
        kind === 'generate'
          ? { do: kind, ids: exact.slice(1, PROMPT + 1), tokens: GENERATED }
          : { do: kind, ids: exact };
      const other = await torch?.ask(request);
      if (round < 0) continue; // warm-up
      const count = kind === 'generate' ? GENERATED : 1;
      ours[kind].push(mine);
      oursWorked[kind].push((user + system) / 1000 / count);
      if (other === undefined) continue;
      theirs[kind].push(other.ms / count);
      theirsWorked[kind].push(other.cpu_ms / count);
    }
  }
  torch?.close();
  const rows = kinds.map((kind) => {
    const [a, b] = [ours[kind], theirs[kind]];
    return {
      what: kind,
      ms: median(a),
      min_ms: Math.min(...a),
      torch_ms: b.length === 0 ? null : median(b),
      ratio: b.length === 0 ? null : median(a.map((value, i) => value / at(b, i))),
      cpu_ms: median(oursWorked[kind]),
      torch_cpu_ms: b.length === 0 ? null : median(theirsWorked[kind]),
      cpu_ratio: b.length === 0 ? null : median(oursWorked[kind].map((value, i) => value / at(theirsWorked[kind], i))),
    };
  });
  const report = {
    machine: `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.versions.node}`,
    torch: torch?.version ?? null,
    tokens: T,
    threads,
    rounds,
    parameters: Array.from(checkpoint.parameters.values()).reduce((sum, { length }) => sum + length, 0),
    rows,
    tokens_per_second: ours.generate.length === 0 ? null : 1000 / median(ours.generate),
    build_and_first_steps_ms: firstSteps,
    resident_mb: process.memoryUsage.rss() / 1e6,
  };
  if (values.json) {
    console.log(JSON.stringify(report));
    return;
  }
  console.log(
    `${report.machine}; ${(report.parameters / 1e6).toFixed(2)} M parameters, T=${T}, batch 1, ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${rounds} rounds`,
  );
  const label = { full: 'step, full', lora: `step, LoRA r=${rank}`, generate: 'token generated' };
  console.log('                    ours ms (min)      PyTorch ms   ratio   of processor time: ours, PyTorch, ratio');
  for (const { what, ms, min_ms, torch_ms, ratio, cpu_ms, torch_cpu_ms, cpu_ratio } of rows) {
    console.log(
      `${label[what].padEnd(18)} ${ms.toFixed(1).padStart(7)} (${min_ms.toFixed(1)})`.padEnd(38) +
        `${torch_ms === null ? 'skipped' : torch_ms.toFixed(1)}`.padStart(8) +
        `   ${ratio === null ? '' : ratio.toFixed(2)}    ${cpu_ms.toFixed(1)}` +
        (torch_cpu_ms === null || cpu_ratio === null ? '' : `, ${torch_cpu_ms.toFixed(1)}, ${cpu_ratio.toFixed(2)}`),
    );
  }
  console.log(
    `${report.tokens_per_second === null ? '' : `${report.tokens_per_second.toFixed(0)} tokens/s; `}${report.resident_mb.toFixed(0)} MB resident with these sessions; ` +
      `${firstSteps.toFixed(0)} ms to build the training graphs and make their first steps`,
  );
};
