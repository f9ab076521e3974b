import { join } from 'node:path';
import { buildKernel } from '../assembly/build.ts';
import { starterCorpus } from '../corpus/documents.ts';
import { createEmbeddedBackend } from '../gateway/backends/embedded/index.ts';
import { score } from '../gateway/tune.ts';
import { at } from '../wire/list.ts';
import { scoreRequest } from '../wire/tune.ts';
import { select } from './choose/select.ts';
import { spec } from './choose/spec.ts';
import { domainOf } from './material/packages.ts';
import { prepare } from './material/setting.ts';
import { isReadable } from './material/sources.ts';
import { ROOT } from './options.ts';
const model = process.argv[2] ?? join(ROOT, 'models/base');
const perDomain = Number(process.argv[3] ?? 4);
const ways = (process.argv[4] ?? 'full:5e-4,full:2e-3,full:6e-3,lora:5e-3,lora:2e-2').split(',').map((w) => w.split(':'));
await buildKernel();
const { documents } = await starterCorpus(join(ROOT, 'node_modules'));
const sources = documents.flatMap(({ path, text }) => {
  const domain = domainOf(path);
  const group = path.split('/', path.startsWith('@') ? 2 : 1).join('/');
  return domain === undefined || !isReadable(text) ? [] : [{ domain, group, path, text }];
});
const setting = await prepare({ sources, study: perDomain, tuning: 0, least: 1, cuts: [], model, embedder: join(ROOT, 'models/embedder'), state: '/tmp/guard-eval' });
const alive = setInterval(() => {}, 60_000);
const backend = await createEmbeddedBackend({ models: { base: model }, workers: 1 });
const wanted = spec('sift', { n: 10 });
const never = new AbortController().signal;
for (const prompt of setting.study) {
  const view = setting.viewOf(prompt, wanted, 'continuation');
  const { picks } = await select(setting.kernel, view, wanted);
  const examples = picks.map((i) => ({ id: String(i), text: at(view.corpus.examples, i).text }));
  for (const [method, rate] of ways) {
    const ask = async (guard: boolean) => {
      const request = scoreRequest.parse({ model: 'base', context: prompt.prompt, text: prompt.continuation, picks: examples, tuning: { method, learning_rate: rate === 'auto' ? 'auto' : Number(rate), guard } });
      const started = performance.now();
      const answer = await score({ backend, model: at(backend.models, 0) }, request, 0, never, () => performance.now()).catch((e: unknown) => ({ failed: String(e) }));
      return { answer, ms: performance.now() - started };
    };
    const off = await ask(false);
    const on = await ask(true);
    const bpb = (x: Awaited<ReturnType<typeof ask>>) => ('failed' in x.answer ? null : x.answer.after.bits_per_byte / x.answer.before.bits_per_byte);
    const g = 'failed' in on.answer ? null : on.answer.tuning.guard;
    console.log(JSON.stringify({ p: prompt.id.slice(0, 30), d: prompt.domain, method, rate, off: bpb(off)?.toFixed(4), on: bpb(on)?.toFixed(4), g: g?.prequential?.toFixed(3), o: g?.outcome, kept: g?.kept_steps, msOff: 'failed' in off.answer ? 0 : Math.round(off.answer.ms.tune), msOn: 'failed' in on.answer ? 0 : Math.round(on.answer.ms.tune), tot: Math.round(off.ms), totOn: Math.round(on.ms) }));
  }
}
clearInterval(alive);
await backend.close();
process.exit(0);
