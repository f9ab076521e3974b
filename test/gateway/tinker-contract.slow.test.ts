// The contract suite on the `tinker` backend, over the scripted server: as our own server speaks, and as others do.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tinkerConfig } from '../../gateway/backends/tinker/config.ts';
import { createTinkerBackend } from '../../gateway/backends/tinker/index.ts';
import { describeBackend } from './backend-contract.ts';
import { eventually } from './tinker-harness.ts';
import { MODEL, NOTHING, type ScriptOptions, startTinkerServer, type TinkerServer } from './tinker-server.ts';
import { tinyFiles } from './tiny-model.ts';

const started: TinkerServer[] = [];
afterAll(() => Promise.all(started.map((server) => server.kill())));

const directory = mkdtempSync(join(tmpdir(), 'sift-tinker-'));
for (const [name, text] of Object.entries(tinyFiles())) writeFileSync(join(directory, name), text);

const over = async (script: ScriptOptions, given: object = {}) => {
  const server = await startTinkerServer(script);
  started.push(server);
  const { encoding = 'protobuf' } = script;
  const model = { name: 'tiny', serverName: MODEL, ...given };
  const config = tinkerConfig.parse({
    type: 'tinker',
    servers: [{ url: server.url }],
    models: [model],
    concurrency: 2,
    encoding,
  });
  return createTinkerBackend({ name: 'gpu', config, env: {} });
};

describeBackend('tinker, with the extension', () => over({}));
describeBackend('tinker, without it', () => over({ extended: false }, { tokenizer: directory, parameters: 66_049 }));
describeBackend('tinker, in JSON', () =>
  over({ extended: false, encoding: 'json' }, { tokenizer: directory, parameters: 66_049 }),
);

describe('after the whole contract', () => {
  it('no server holds anything', async () => {
    expect(started.length).toBe(3);
    for (const server of started) await eventually(server.held).toEqual(NOTHING);
  });
});
