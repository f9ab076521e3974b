// The commands of eval/ as they are typed: a mistake is told in one sentence, before anything is read or run.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const run = (command: string, ...args: string[]) =>
  spawnSync(process.execPath, [`eval/${command}.ts`, ...args], { cwd: ROOT, encoding: 'utf8' });

describe.each(['index', 'modes', 'experts', 'stopping'])('eval/%s.ts', (command) => {
  it('names an option that it does not know', () => {
    const { status, stderr } = run(command, '--no-such-option', '3');
    expect(stderr).toMatch(/^[a-z/]+: Unknown option '--no-such-option'.*\n$/);
    expect(status).toBe(2);
  });
});
