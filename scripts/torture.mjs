// `npm run torture`: tries thousands of losses of power, failing calls and changed bits on the LMDB
// engine, and prints what was found. `disk` leaves out the engines with mistakes, `mutants` tries
// only those. See docs/reliability.md.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureInstalled, nodeBinary } from './install.mjs'
import { fail, ROOT, run, toolEnv } from './process.mjs'

const SUITES = {
  disk: ['power-loss', 'failing-calls', 'bit-flips'],
  mutants: ['mutants'],
}
/** How much more is tried than by `npm test`. */
const SCALE = '10'

const wanted = process.argv[2]
const suites = wanted === undefined ? Object.values(SUITES).flat() : SUITES[wanted]
if (!suites) fail(`unknown: ${wanted}. Try: npm run torture -- disk, or -- mutants`)

await ensureInstalled()
const folder = mkdtempSync(join(tmpdir(), 'coatcheck-torture-'))
const figures = join(folder, 'figures')
const env = {
  ...toolEnv(),
  COATCHECK_TORTURE_SCALE: process.env.COATCHECK_TORTURE_SCALE ?? SCALE,
  COATCHECK_TORTURE_FIGURES: figures,
}
const files = suites.map((suite) => `server/test/torture/${suite}`)
const words = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...files]
process.exitCode = await run(nodeBinary(), words, { env })
printTable(existsSync(figures) ? readFileSync(figures, 'utf8') : '')
rmSync(folder, { recursive: true, force: true })

function printTable(text) {
  const rows = text.split('\n').filter(Boolean).map(JSON.parse)
  console.log('\n| what | tried | known faults | other faults |\n|---|---|---|---|')
  for (const { what, tried, known, found } of rows) {
    console.log(`| ${what} | ${tried.toLocaleString('en')} | ${known} | ${found} |`)
  }
  for (const { examples } of rows) {
    for (const [fault, count] of Object.entries(examples)) console.log(`${count} x ${fault}`)
  }
}
