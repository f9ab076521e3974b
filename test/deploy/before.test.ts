// What a deployment remembers of the run before.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readBefore } from '../../cli/deploy/shell.ts';
import { MachineError } from '../../wire/usage.ts';

const directory = mkdtempSync(join(tmpdir(), 'sift-before-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};

it('is its configuration, or nothing where there was no run', async () => {
  expect(await readBefore(file('whole.json', '{"name":"whole"}'))).toEqual({ name: 'whole' });
  expect(await readBefore(join(directory, 'none.json'))).toBeUndefined();
});

it('is never passed over because it is damaged: the same would be made a second time', async () => {
  const torn = readBefore(file('torn.json', '{"name":'));
  await expect(torn).rejects.toThrow(MachineError);
  await expect(torn).rejects.toThrow(/torn\.json cannot be read \(.*\): mend it, or delete it/);
});
