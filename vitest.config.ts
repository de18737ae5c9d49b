import { existsSync, mkdirSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { HeavyFirst } from './server/test/support/heavy-first.ts'

useMemoryDisk()

export default defineConfig({
  test: {
    include: ['{server,client,console}/src/**/*.test.ts', '{server,client}/test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', '**/fixtures/**'],
    globalSetup: 'server/test/support/global-setup.ts',
    setupFiles: 'server/test/support/equal-bytes.ts',
    // Tests start servers, load a native addon and change the environment: processes, no threads.
    pool: 'forks',
    // Fewer collections of what is short-lived: a fifteenth of the processor time.
    execArgv: ['--max-semi-space-size=64'],
    // Test files keep no state in modules, so that a process can run one after the other: starting
    // one for each of 260 files took minutes.
    isolate: false,
    sequence: { sequencer: HeavyFirst },
    // Node itself imports the files, and strips their types: Vite's own runner makes each use of an
    // import slower, and takes an eighth more processor time. Without `nodeLoader` there is no
    // `vi.mock`, which no test uses.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    // Twice the processors of CI: many tests wait for a disk, a timer or a process. Three and six
    // take longer.
    maxWorkers: 4,
    // What takes 10 s alone takes 40 s on a busy machine of two processors.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What a test waits for may take long where others measure; one that fails takes as long as it may.
    expect: { poll: { timeout: 20_000 } },
  },
})

/**
 * Moves temporary folders into memory, where the machine offers that: a sync takes 0.02 ms there
 * and 3 ms on a disk, and most tests are not about disks. Those that are use `createDiskFolder`.
 */
function useMemoryDisk(): void {
  const memory = '/dev/shm'
  const bytesMin = 8 * 1_073_741_824
  process.env.COATCHECK_TEST_DISK ??= tmpdir()
  if (!existsSync(memory)) return
  const { bavail, bsize } = statfsSync(memory)
  if (bavail * bsize < bytesMin) return
  process.env.TMPDIR = join(memory, `coatcheck-tests-${process.pid}`)
  mkdirSync(process.env.TMPDIR, { recursive: true, mode: 0o755 })
  // Hundreds of commands run as processes of their own: a fifth of that is compiling.
  process.env.NODE_COMPILE_CACHE ??= join(process.env.TMPDIR, 'compiled')
}
