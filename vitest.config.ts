import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/**/*.test.ts', 'agent/**/*.test.ts', 'collector/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: 'test/setup.ts',
    // Tests import probes one by one, without the list that loads what they read by.
    setupFiles: 'test/kit/readers.ts',
    // Most of what takes long here waits: for real services, timeouts, processes.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
