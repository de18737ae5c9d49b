// `npm start`: from a fresh clone to a running server with nothing but npm and some Node.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'
import { ensureBuilt } from './compile.mjs'
import { ensureInstalled, nodeBinary } from './install.mjs'
import { fail, ROOT } from './process.mjs'

// One Ctrl-C arrives here more than once: from the terminal and again from npm.
const SAME_SIGNAL_MS = 500
const PARENT_CHECK_MS = 500

await ensureInstalled()
if (!(await ensureBuilt())) fail('the build failed; see the messages above.')
serve(process.argv.slice(2))

function serve(args) {
  const program = join(ROOT, 'server', 'bin', 'coatcheck.js')
  const child = spawn(nodeBinary(), [program, 'serve', ...args], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) forward(signal, child)
  stopWithParent(child)
  child.on('error', (error) => fail(`could not run ${nodeBinary()}: ${error.message}`))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}

function forward(signal, child) {
  let last = Number.NEGATIVE_INFINITY
  process.on(signal, () => {
    const repeated = performance.now() - last < SAME_SIGNAL_MS
    last = performance.now()
    if (!repeated && !reachedChild(signal)) child.kill(signal)
  })
}

/**
 * Stops the server when the shell is gone in which npm runs this script: that shell ends on a
 * signal without passing it on.
 */
function stopWithParent(child) {
  const parent = process.ppid
  const check = () => process.ppid !== parent && child.kill('SIGTERM')
  setInterval(check, PARENT_CHECK_MS).unref()
}

/**
 * Whether the server has got the signal already: a terminal sends Ctrl-C to all programs in the
 * foreground.
 */
function reachedChild(signal) {
  return signal === 'SIGINT' && Boolean(process.stdin.isTTY)
}
