// `npm test`: runs lint, type checks and tests, also after one of them failed, and prints one line
// that counts the tests. `--changed` runs only the unit tests that uncommitted changes concern,
// `--long` runs the long suites.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkTypes, compile, ensureBuilt } from './compile.mjs'
import { ensureBrowser, ensureInstalled, ensureTestClients, nodeBinary } from './install.mjs'
import { ROOT, run, say, toolEnv } from './process.mjs'

/** How much the long suites do; a value that is set already counts. Two hours in all. */
const LONG = {
  COATCHECK_CRASH_CYCLES: '1000',
  COATCHECK_CRASH_RUNS: '200',
  COATCHECK_SIMULATION_RUNS: '300',
  COATCHECK_HOT_WRITES: '200',
  COATCHECK_SOAK_MINUTES: '60',
  COATCHECK_OVERWRITE_MINUTES: '10',
  COATCHECK_FAILOVER_ROUNDS: '3',
  COATCHECK_FAILOVER_WRITES: '100000',
  COATCHECK_SERVERS_ROUNDS: '4',
  COATCHECK_WATCHED_WRITES: '10000',
  COATCHECK_PROPERTY_SHARE: '20',
  COATCHECK_ENGINES: 'all',
  COATCHECK_DISK_FAULTS: 'all',
  COATCHECK_COPIES: 'all',
  COATCHECK_PLACES: 'all',
}

const clients = ensureTestClients()
await ensureInstalled()

let failed = 0
await check('build', ensureBuilt)
// Tests wait for disks and timers: what reads the sources alone runs beside them.
const checks = checkSources(clients)
await clients
ensureBrowser()
const tests = await runTests(chosenTests(process.argv.slice(2)))
await checks
failed += tests.failed
process.exitCode = failed > 0 || tests.passed === 0 ? 1 : 0
console.log(`${tests.passed} passed, ${failed} failed`)

/** One after the other. Tests use types of the test clients. */
async function checkSources(installed) {
  await check('lint', async () => (await runTool('@biomejs/biome/bin/biome', ['check', '.'])) === 0)
  await installed
  await check('type check', checkTypes)
  // Web pages are checked with the types of browsers, and without those of Node.
  await check(
    'type check of pages',
    async () => (await compile(['--noEmit', '-p', 'console'])) === 0,
  )
}

function chosenTests(args) {
  if (args.includes('--long')) return longTests(args)
  if (!args.includes('--changed')) return args
  // Engines have the slow unit tests: they run when an engine has changed.
  const changed = execFileSync('git', ['status', '--porcelain'], { cwd: ROOT, encoding: 'utf8' })
  const skipped = changed.includes('server/src/engines/') ? [] : ['--exclude=server/src/engines/**']
  const others = args.filter((arg) => arg !== '--changed')
  const unitTests = ['server/src/', 'client/src/', 'console/src/']
  return ['--changed=HEAD', ...others, ...unitTests, ...skipped, '--passWithNoTests']
}

function longTests(args) {
  for (const [name, value] of Object.entries(LONG)) process.env[name] ??= value
  const files = [
    'test/crash',
    'test/soak',
    'test/overwrites',
    'test/failover',
    'test/disk-full',
    'test/cli-',
    'test/simulation',
    'test/servers',
    'test/revocation',
    'test/protocols/',
    'test/clients/',
    'lmdb/crash',
    'lmdb/reads',
    'direct-parity',
  ]
  return [...args.filter((arg) => arg !== '--long'), ...files]
}

async function check(name, passes) {
  if (await passes()) return
  say(`the ${name} failed`)
  failed += 1
}

async function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-test-'))
  const report = join(folder, 'report.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const code = await runTool('vitest/vitest.mjs', ['run', ...reporters, ...args])
  const counted = count(report)
  rmSync(folder, { recursive: true, force: true })
  // A failure outside of any test, such as an uncaught error, fails the run all the same.
  return code !== 0 && counted.failed === 0 ? { ...counted, failed: 1 } : counted
}

function count(report) {
  let results
  try {
    results = JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    return { passed: 0, failed: 0 }
  }
  // A file that can't even be loaded holds no tests to count.
  const broken = results.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  )
  return { passed: results.numPassedTests, failed: results.numFailedTests + broken.length }
}

function runTool(script, args) {
  return run(nodeBinary(), [join(ROOT, 'node_modules', script), ...args], { env: toolEnv() })
}
