// Files run in parallel on the cores there are; a test that starts workerd or trains may take seconds, none takes a minute.
// Files that take longest by far, or need what a test elsewhere has shown in small, are *.slow.test.ts: `npm run test:slow`.
import { defineConfig } from 'vitest/config';

const SLOW = 'test/**/*.slow.test.ts';
const suite = process.env.SIFT_SUITE ?? 'all';

export default defineConfig({
  test: {
    include: [suite === 'slow' ? SLOW : 'test/**/*.test.ts'],
    exclude: suite === 'quick' ? [SLOW] : [],
    globalSetup: ['test/setup.ts'],
    // before a test brings Miniflare or wrangler
    setupFiles: ['local/growth.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
