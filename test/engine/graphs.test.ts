// Graphs as onnxruntime takes them: deep ones are planned in reasonable time.
import { expect, it } from 'vitest';
import { readArchitecture } from '../../gateway/backends/embedded/model/checkpoint.ts';
import type { Architecture } from '../../gateway/backends/embedded/model/config.ts';
import { hiddenGraph } from '../../gateway/backends/embedded/model/graphs.ts';
import { compile } from '../../gateway/backends/embedded/runtime.ts';
import { at } from '../../wire/list.ts';
import { golden } from './variants.ts';

/** Several times what it takes; a plan that compares every value with every other takes more. */
const GENEROUS_SECONDS = 15;

const deep = (a: Architecture, layers: number): Architecture => ({
  ...a,
  layers,
  kinds: Array.from({ length: layers }, () => at(a.kinds, 0)),
});

it('64 layers with LoRA are compiled without comparing every value with every other', async () => {
  const architecture = deep(await readArchitecture(golden('llama')), 64);
  const graph = hiddenGraph(architecture, { rank: 4, scale: 2 });
  const before = process.cpuUsage(); // not the clock, which other work on the machine moves on
  const compiled = await compile(graph, 1);
  const { user, system } = process.cpuUsage(before);
  await compiled.release();
  expect((user + system) / 1e6).toBeLessThan(GENEROUS_SECONDS);
}, 120_000);
