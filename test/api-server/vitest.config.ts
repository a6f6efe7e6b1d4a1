import { defineConfig } from 'vitest/config';

/**
 * The deployment against a real Kubernetes API server, `npm run test:api-server`: apart from `npm test`, because its first run compiles
 * that server (some six minutes of one core; then it starts in seconds).
 */
export default defineConfig({
  test: {
    include: ['test/api-server/*.suite.ts'],
    root: new URL('../..', import.meta.url).pathname,
    testTimeout: 120_000,
    hookTimeout: 300_000,
    fileParallelism: false,
  },
});
