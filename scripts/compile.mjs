import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { hashFiles, nodeBinary, readIfThere, seconds } from './install.mjs'
import { ROOT, run, say, toolEnv } from './process.mjs'

const SOURCES = ['server', 'client', 'console'].map((name) => join(ROOT, name, 'src'))
const DIST = join(ROOT, 'server', 'dist')
// Beside the compiled server, so that npm packs them with it.
const PAGES = join(DIST, 'pages')
const STAMP = join(ROOT, 'node_modules', '.coatcheck-build')
const BUNDLE = join('scripts', 'bundle.mjs')
const CLIENT_SETTINGS = join('client', 'tsconfig.build.json')
const SETTINGS = ['package-lock.json', BUNDLE, join('console', 'vite.config.ts')]
// What the compiler found last time: it checks again only what has changed since.
const TYPES = join('node_modules', '.coatcheck-types')

/** Builds server/dist unless it was built from just these sources. Returns whether it is there. */
export async function ensureBuilt() {
  // Compares contents, not times: so a checkout, a copy or an edit during a build is noticed.
  const fresh =
    readIfThere(STAMP) === hashOfSources() && existsSync(join(DIST, 'server', 'main.js'))
  return fresh || (await build())
}

/** Builds server/dist again. Returns whether that worked. */
export async function build() {
  const began = Date.now()
  const sources = hashOfSources()
  rmSync(STAMP, { force: true })
  const isBuilt = await buildInto(DIST, async (folder) => (await bundle(folder)) === 0)
  if (!isBuilt) return false
  writeFileSync(STAMP, sources)
  say(`built server/dist in ${seconds(began)} s`)
  return true
}

/**
 * Builds client/dist again, which the server does not need. Returns whether that worked. The page
 * script in it is the one that `build` made for the server.
 */
export async function buildClient() {
  const began = Date.now()
  const isBuilt = await buildInto(join(ROOT, 'client', 'dist'), async (folder) => {
    const code = await compile(['-p', CLIENT_SETTINGS, '--outDir', folder])
    if (code !== 0) return false
    copyFileSync(join(PAGES, 'applab.js'), join(folder, 'applab.js'))
    return true
  })
  if (isBuilt) say(`built client/dist in ${seconds(began)} s`)
  return isBuilt
}

/**
 * Lets `fill` build into a new folder, which then replaces the old one. Returns whether `fill`
 * worked. The folder is a new one, since a build leaves the output of removed sources behind.
 * The old one stays until then, since a server that starts meanwhile reads it.
 */
async function buildInto(dist, fill) {
  const next = `${dist}-next-${process.pid}`
  const before = `${dist}-before-${process.pid}`
  try {
    if (!(await fill(next))) return false
    if (existsSync(dist)) renameSync(dist, before)
    renameSync(next, dist)
    return true
  } finally {
    for (const folder of [next, before]) rmSync(folder, { recursive: true, force: true })
  }
}

/** Checks the types of all sources but those of web pages. Returns whether they are sound. */
export async function checkTypes() {
  return (await compile(['--noEmit', '--incremental', '--tsBuildInfoFile', TYPES])) === 0
}

/** Runs the TypeScript compiler, its messages on stderr. */
export function compile(args) {
  return runOnOurNode([join('node_modules', 'typescript', 'bin', 'tsc'), ...args])
}

/** Writes the server and the files of web pages into a folder. */
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

/** The files in a folder, as paths from the root; none if there is no such folder. */
function filesIn(folder) {
  if (!existsSync(folder)) return []
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return files.map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
}
