// Where the starter corpus is from.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { starterCorpus } from '../../corpus/documents.ts';
import { MachineError } from '../../wire/usage.ts';

it('says so where there are no packages, as below an installed package', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sift-documents-'));
  try {
    const gathered = starterCorpus(join(directory, 'node_modules'));
    await expect(gathered).rejects.toThrow(MachineError);
    await expect(gathered).rejects.toThrow(`${join(directory, 'node_modules')} has no packages`);
  } finally {
    await rm(directory, { recursive: true });
  }
});
