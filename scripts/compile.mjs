import { copyFileSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { hashFiles, nodeBinary, readIfThere, seconds } from './install.mjs'
import { ROOT, run, say, toolEnv } from './process.mjs'

const SOURCES = ['server', 'client', 'console'].map((name) => join(ROOT, name, 'src'))
const DIST = join(ROOT, 'server', 'dist')
// Beside the compiled server, so that npm packs them with it.
const PAGES = join(DIST, 'pages')
const STAMP = join(ROOT, 'node_modules', '.coatcheck-build')
const BUNDLE = join('scripts', 'bundle.mjs')
const SETTINGS = ['tsconfig.json', 'server/tsconfig.build.json', 'package-lock.json', BUNDLE]

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
  if (code !== 0 || (await bundle(PAGES)) !== 0) return false
  writeFileSync(STAMP, sources)
  say(`built server/dist in ${seconds(began)} s`)
  return true
}

/**
 * Builds client/dist anew, which starting the server does without; tells whether that worked. The
 * page script in it is the one that `build` made for the server.
 */
export async function buildClient() {
  const began = Date.now()
  const dist = join(ROOT, 'client', 'dist')
  rmSync(dist, { recursive: true, force: true })
  const code = await compile(['-p', join('client', 'tsconfig.build.json')])
  if (code !== 0) return false
  copyFileSync(join(PAGES, 'applab.js'), join(dist, 'applab.js'))
  say(`built client/dist in ${seconds(began)} s`)
  return true
}

/** Runs the TypeScript compiler, its messages on stderr. */
export function compile(args) {
  return runOnOurNode([join('node_modules', 'typescript', 'bin', 'tsc'), ...args])
}

/** Writes the scripts of web pages into a folder. */
function bundle(folder) {
  return runOnOurNode([BUNDLE, folder])
}

function runOnOurNode(args) {
  const stdio = ['ignore', process.stderr, process.stderr]
  return run(nodeBinary(), args, { stdio, env: toolEnv() })
}

function hashOfSources() {
  return hashFiles(ROOT, [...SETTINGS, ...SOURCES.flatMap(filesIn).sort()])
}

/** Their paths from the root; none where there is no such folder. */
function filesIn(folder) {
  if (!existsSync(folder)) return []
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return files.map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
}
