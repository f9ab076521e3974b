// The Worker without the bundled embedder: how large it is, and that it selects for vectors and names what it lacks.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from '../../local/bundle.ts';
import { FRONT_HEADER } from '../../local/doors.ts';
import { edgeWorkers } from '../../local/edge.ts';
import { type Modules, type Runtime, startWorkerd } from '../../local/workerd.ts';
import { MAX_LEAN_GZIP_BYTES } from '../../wire/limits.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

const gzipped = (modules: Modules): number =>
  Object.values(modules).reduce((sum, { contents }) => sum + gzipSync(contents).byteLength, 0);

let modules: Modules;
beforeAll(async () => {
  modules = await bundle(join(root, 'functions/index.ts'), { lean: true, minify: true });
});

describe('the Worker without the bundled embedder', () => {
  it('is within its size, all modules gzipped', () => {
    expect(gzipped(modules)).toBeLessThan(MAX_LEAN_GZIP_BYTES);
  });

  it('carries neither model, tokenizer nor runtime of it, which the other one does', async () => {
    const kinds = (of: Modules) => Object.keys(of).map((name) => name.replace(/-[A-Z0-9]+(?=\.)/, ''));
    expect(kinds(modules).sort()).toEqual(['index.js', 'sift.wasm']);
    const whole = await bundle(join(root, 'functions/index.ts'), { minify: true });
    expect(kinds(whole).sort()).toEqual(['index.js', 'model.onnx', 'ort-wasm-simd-threaded.wasm', 'sift.wasm']);
  });

  it('brings one language of the parser’s messages, not all of them', () => {
    // `import { z } from 'zod'` keeps every one of them in a bundle, `import * as z` what is used
    expect(modules['index.js']?.contents).not.toMatch(/תווים|символов|文字/);
  });
});

describe('run without an embedder', () => {
  const DIMENSIONS = 8;
  const front = 'a secret of this test';
  let runtime: Runtime;
  const start = async (EMBEDDER: string): Promise<Runtime> => {
    const [edge, vectorize] = await Promise.all([
      bundle(join(root, 'local/worker/index.ts'), { lean: true, minify: true }),
      bundle(join(root, 'local/vectorize/index.ts'), { minify: true }),
    ]);
    const options = {
      root,
      state: '',
      port: 0,
      apiKey: 'sk-test',
      gatewayUrl: '',
      gatewaySecret: 's',
      defaultCorpus: '',
    };
    const [first, ...others] = edgeWorkers(
      { edge, vectorize },
      { ...options, embedder: { dimensions: DIMENSIONS }, logLevel: 'off' },
      front,
    );
    if (first === undefined) throw new Error('no Worker');
    return startWorkerd([{ ...first, vars: { ...first.vars, EMBEDDER, DIMENSIONS: String(DIMENSIONS) } }, ...others]);
  };
  const ask = (at: Runtime, path: string, body: unknown) =>
    fetch(new URL(path, at.url), {
      method: 'POST',
      headers: { authorization: 'Bearer sk-test', [FRONT_HEADER]: front },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const axis = (i: number): number[] => Array.from({ length: DIMENSIONS }, (_, j) => (i === j ? 1 : 0));
  afterAll(() => runtime?.stop());

  it('selects for a vector', async () => {
    runtime = await start('none');
    const lines = [0, 1, 2].map((i) => JSON.stringify({ id: `e${i}`, text: `text ${i}`, vector: axis(i) })).join('\n');
    const uploaded = await ask(runtime, '/v1/corpora/docs/examples', lines);
    expect(uploaded.status, await uploaded.clone().text()).toBe(200);
    await uploaded.text();
    const selected = await ask(runtime, '/v1/select', { corpus: 'docs', vector: axis(1), n: 1 });
    const { picks } = (await selected.json()) as { picks: { id: string }[] };
    expect(picks.map(({ id }) => id)).toEqual(['e1']);
    await runtime.stop();
  });

  it('says that the bundled embedder is left out where it is asked for', async () => {
    runtime = await start('onnx');
    const selected = await ask(runtime, '/v1/select', { corpus: 'docs', input: 'x', n: 1 });
    expect(selected.status).toBe(501);
    expect(await selected.text()).toMatch(/bundled embedder, which this build leaves out/);
  });
});
