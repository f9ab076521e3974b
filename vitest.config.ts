// Files run in parallel on the cores there are; a test that starts workerd or trains may take seconds, none takes a minute.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/setup.ts'],
    // before a test brings Miniflare or wrangler
    setupFiles: ['local/growth.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
