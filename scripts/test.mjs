// `npm test`: runs lint, type checks and tests, also after one of them failed, and prints one line
// that counts the tests.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compile, ensureBuilt } from './compile.mjs'
import { ensureInstalled, ensureTestClients, nodeBinary } from './install.mjs'
import { ROOT, run, say, toolEnv } from './process.mjs'

await ensureInstalled()
await ensureTestClients()

let failed = 0
await check('build', ensureBuilt)
await check('lint', async () => (await runTool('@biomejs/biome/bin/biome', ['check', '.'])) === 0)
await check('type check', async () => (await compile(['--noEmit'])) === 0)
// Web pages are checked with the types of browsers, and without those of Node.
await check('type check of pages', async () => (await compile(['--noEmit', '-p', 'console'])) === 0)
const tests = await runTests(process.argv.slice(2))
failed += tests.failed
process.exitCode = failed > 0 || tests.passed === 0 ? 1 : 0
console.log(`${tests.passed} passed, ${failed} failed`)

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
