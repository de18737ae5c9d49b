import { spawn } from 'node:child_process'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..')

const onWindows = process.platform === 'win32'
const pathDirs = (process.env.PATH ?? '').split(delimiter)

/** Prints a message on stderr: stdout belongs to the program that is run. */
export function say(line) {
  process.stderr.write(`coatcheck: ${line}\n`)
}

/** Prints why the script can't go on, and ends it. */
export function fail(message) {
  say(message)
  process.exit(1)
}

/** Runs a command on the terminal and resolves to its exit code. */
export async function run(command, args, options = {}) {
  const { code } = await finish(spawn(command, args, { cwd: ROOT, stdio: 'inherit', ...options }))
  return code
}

/** Runs npm without showing its output. Resolves to its exit code and all that it printed. */
export function runNpm(args, cwd) {
  // npm scripts find Node in this project's node_modules, which npm may be about to delete: npm
  // itself has to run on the Node that it came with.
  const path = pathDirs.filter((dir) => !resolve(dir).startsWith(join(ROOT, 'node_modules')))
  const env = withPath(path)
  return finish(
    spawn('npm', args, { cwd, env, shell: onWindows, stdio: ['ignore', 'pipe', 'pipe'] }),
  )
}

/** The environment in which `node` and the tools are those of this project. */
export function toolEnv() {
  return withPath([join(ROOT, 'node_modules', '.bin'), ...pathDirs])
}

function withPath(dirs) {
  return { ...process.env, PATH: dirs.join(delimiter) }
}

function finish(child) {
  return new Promise((resolve) => {
    let output = ''
    const collect = (chunk) => {
      output += chunk
    }
    child.stdout?.on('data', collect)
    child.stderr?.on('data', collect)
    child.on('error', (error) => resolve({ code: 127, output: `${error.message}\n` }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}
