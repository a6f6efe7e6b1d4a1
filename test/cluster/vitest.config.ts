import { defineConfig } from 'vitest/config';

/** The suite for a real cluster: `KUBECONFIG=… INGRESS_URL=https://… npm run test:cluster`. */
export default defineConfig({
  test: {
    include: ['test/cluster/*.suite.ts'],
    root: new URL('../..', import.meta.url).pathname,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    fileParallelism: false,
  },
});
