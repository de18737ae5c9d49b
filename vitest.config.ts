import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{server,client,console}/src/**/*.test.ts', '{server,client}/test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', '**/fixtures/**'],
    globalSetup: 'server/test/support/global-setup.ts',
    // Tests start servers, load a native addon and change the environment: processes, no threads.
    pool: 'forks',
    // CommonJS packages are imported as Node itself imports them.
    deps: { interopDefault: false },
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What a test waits for may take long where others measure; one that fails takes as long as it may.
    expect: { poll: { timeout: 20_000 } },
  },
})
