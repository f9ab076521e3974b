// `npm run bench -- engine --memory [--model DIR] [--json]`: peak resident memory of a worker process that makes training steps,
// beside PyTorch's in the same work. Every case runs in a fresh process: a peak cannot be taken back. Linux only, since
// the peak is read from /proc. The loss of the last step is printed too, so that both are seen to do the same work.
import { execFile, fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { OpenOptions, Step } from '../../gateway/backends/contract.ts';
import type { Call, FromWorker, ToWorker } from '../../gateway/backends/embedded/messages.ts';
import { readArchitecture, readWeights } from '../../gateway/backends/embedded/model/checkpoint.ts';
import { memoryNeed } from '../../gateway/backends/embedded/model/memory.ts';
import { LORA_SCALE } from '../../gateway/backends/embedded/model/model.ts';
import { readTokenizer } from '../../tokenizer/read.node.ts';
import { at } from '../../wire/list.ts';
import { messageOf } from '../../wire/message.ts';

const RANK = 32;
/** Steps of a case: the second has Adam's moments, the third is known to need no more. */
const STEPS = 3;

interface Case {
  readonly method: OpenOptions['method'];
  readonly tokens: number;
}

const CASES: readonly Case[] = (['full', 'lora'] as const).flatMap((method) =>
  [16, 256, 1_024].map((tokens) => ({ method, tokens })),
);

interface Peak {
  readonly peakMb: number;
  readonly ms: number;
  readonly loss: number;
}

const TEXT =
  'A stream is read piece by piece and closed when its reader leaves; an error in the middle ends it. Then\n';

/** A text of exactly so many trained tokens, and its ids with the start token. */
const exampleOf = async (directory: string, tokens: number): Promise<{ text: string; ids: number[] }> => {
  const { vocabulary, start } = await readArchitecture(directory);
  const tokenizer = await readTokenizer(directory, vocabulary);
  const all = tokenizer.encode(TEXT.repeat(tokens));
  for (let count = tokens - 4; count < all.length; count++) {
    const text = tokenizer.decode(all.slice(0, count));
    const encoded = tokenizer.encode(text);
    const ids = encoded[0] === start ? encoded : [start, ...encoded];
    if (ids.length === tokens + 1) return { text, ids };
  }
  throw new Error(`no text of ${tokens} tokens was found`);
};

/** Megabytes of a process's peak; /proc counts in KiB. */
const peakOf = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kib === undefined) throw new Error(`/proc/${pid}/status names no VmHWM`);
  return (Number(kib) * 1_024) / 1e6;
};

/** A worker as the gateway starts it, driven by hand, so that its process id is known. */
const measureOurs = async (directory: string, { method, tokens }: Case, threads: number): Promise<Peak> => {
  const { text } = await exampleOf(directory, tokens);
  const worker = fork(new URL('../../gateway/backends/embedded/worker.ts', import.meta.url), [], {
    serialization: 'advanced',
    execArgv: [],
  });
  const ended = new Promise<never>((_, reject) => {
    worker.on('error', reject);
    worker.on('exit', (code, signal) => reject(new Error(`the worker ended with ${signal ?? `code ${code}`}`)));
  });
  const ask = async (message: ToWorker): Promise<FromWorker> => {
    const answer = new Promise<FromWorker>((resolve) => worker.once('message', resolve));
    worker.send(message);
    const said = await Promise.race([answer, ended]);
    if ('failed' in said) throw new Error(said.failed);
    if ('fault' in said) throw new Error(JSON.stringify(said.fault));
    return said;
  };
  let call = 0;
  const perform = async (body: Call): Promise<unknown> => {
    call += 1;
    const said = await ask({ call, body });
    return 'done' in said ? said.done : undefined;
  };
  try {
    await ask({ setup: { models: { model: directory }, threads } });
    const optimiser = { learningRate: 1e-5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
    const options = { model: 'model', method, rank: RANK, seed: 1, reuseGradients: false, optimiser };
    await perform({ do: 'open', options });
    const steps: Step[] = [];
    for (let i = 0; i < STEPS; i++) steps.push((await perform({ do: 'step', text })) as Step);
    const last = at(steps, STEPS - 1);
    if (last.tokens !== tokens) throw new Error(`the example has ${last.tokens} tokens, not ${tokens}`);
    return { peakMb: await peakOf(worker.pid as number), ms: Math.min(...steps.map(({ ms }) => ms)), loss: last.loss };
  } finally {
    ended.catch(() => {}); // its end is wanted from here on
    worker.kill('SIGKILL');
  }
};

const torchAnswer = z.object({ peak_mb: z.number(), ms: z.number(), loss: z.number() });

/** The same steps by PyTorch, in the Python that SIFT_PYTHON names. */
const measureTorch = async (directory: string, { method, tokens }: Case, threads: number): Promise<Peak> => {
  const { ids } = await exampleOf(directory, tokens);
  const request = { directory, method, rank: RANK, steps: STEPS, threads, ids };
  const script = new URL('torch_memory.py', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(
    process.env.SIFT_PYTHON ?? 'python3',
    [script, JSON.stringify(request)],
    {
      env: { ...process.env, HF_HUB_OFFLINE: '1' },
    },
  );
  const { peak_mb, ms, loss } = torchAnswer.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
  return { peakMb: peak_mb, ms, loss };
};

/** Prints both peaks, the estimate that requests are refused by, and the steps' times. */
export const runMemory = async (directory: string, json: boolean): Promise<void> => {
  const { architecture } = await readWeights(directory, await readArchitecture(directory));
  const rows = [];
  for (const one of CASES) {
    const lora = one.method === 'full' ? undefined : { rank: RANK, scale: LORA_SCALE };
    const { model, session, step } = memoryNeed(architecture, lora, one.tokens);
    const ours = await measureOurs(directory, one, 1);
    const torch = await measureTorch(directory, one, 1).catch((error: unknown) => {
      console.error(`skipped: PyTorch (${messageOf(error).split('\n', 1)[0]}); SIFT_PYTHON may name another Python`);
      return undefined;
    });
    rows.push({ ...one, estimateMb: (model + session + step) / 1e6, ours, torch });
  }
  if (json) return console.log(JSON.stringify(rows));
  console.log('step          tokens  peak MB  estimate  PyTorch MB  ratio     loss  PyTorch');
  for (const { method, tokens, estimateMb, ours, torch } of rows) {
    const label = method === 'full' ? 'full' : `LoRA r = ${RANK}`;
    const beside = torch === undefined ? '' : torch.peakMb.toFixed(0);
    const ratio = torch === undefined ? '' : (ours.peakMb / torch.peakMb).toFixed(2);
    console.log(
      `${label.padEnd(12)} ${String(tokens).padStart(7)} ${ours.peakMb.toFixed(0).padStart(8)} ` +
        `${estimateMb.toFixed(0).padStart(9)} ${beside.padStart(11)} ${ratio.padStart(6)} ` +
        `${ours.loss.toFixed(4).padStart(8)} ${(torch?.loss.toFixed(4) ?? '').padStart(8)}`,
    );
  }
};
