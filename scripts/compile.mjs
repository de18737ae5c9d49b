import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { hashFiles, nodeBinary, readIfThere, seconds } from './install.mjs'
import { ROOT, run, say, toolEnv } from './process.mjs'

const SOURCES = join(ROOT, 'server', 'src')
const DIST = join(ROOT, 'server', 'dist')
const STAMP = join(ROOT, 'node_modules', '.coatcheck-build')
const SETTINGS = ['tsconfig.json', 'server/tsconfig.build.json', 'package-lock.json']

/** Builds server/dist unless it was built from just these sources; tells whether it is there. */
export async function ensureBuilt() {
  // By content, not by time: a checkout, a copy or an edit during a build all get it right.
  const fresh = readIfThere(STAMP) === hashOfSources() && existsSync(join(DIST, 'main.js'))
  return fresh || (await build())
}

/** Builds server/dist anew; tells whether that worked. */
export async function build() {
  const began = Date.now()
  const sources = hashOfSources()
  rmSync(STAMP, { force: true })
  // The compiler leaves the output of removed sources behind, and npm would pack it.
  rmSync(DIST, { recursive: true, force: true })
  const code = await compile(['-p', join('server', 'tsconfig.build.json')])
  if (code !== 0) return false
  writeFileSync(STAMP, sources)
  say(`built server/dist in ${seconds(began)} s`)
  return true
}

/** Builds client/dist anew, which starting the server does without; tells whether that worked. */
export async function buildClient() {
  const began = Date.now()
  rmSync(join(ROOT, 'client', 'dist'), { recursive: true, force: true })
  const code = await compile(['-p', join('client', 'tsconfig.build.json')])
  if (code === 0) say(`built client/dist in ${seconds(began)} s`)
  return code === 0
}

/** Runs the TypeScript compiler, its messages on stderr. */
export function compile(args) {
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const stdio = ['ignore', process.stderr, process.stderr]
  return run(nodeBinary(), [compiler, ...args], { stdio, env: toolEnv() })
}

function hashOfSources() {
  const entries = readdirSync(SOURCES, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const names = files.map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
  return hashFiles(ROOT, [...SETTINGS, ...names.sort()])
}
