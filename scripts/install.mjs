import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail, ROOT, runNpm, say } from './process.mjs'

const MANIFESTS = [
  'package.json',
  'package-lock.json',
  '.npmrc',
  'server/package.json',
  'client/package.json',
  'console/package.json',
]

// The settings of the machine must not leave out what a start needs: NODE_ENV=production would
// leave out Node and the compiler, `omit=optional` the platform's binaries. The log level is set
// because `npm --silent start` would hide why an install failed.
const NPM_OPTIONS = ['--include=dev', '--include=optional', '--loglevel=warn']

// Versions and checksums are those of the lockfile: to ask the registry whether anything has
// changed about a package in npm's cache takes a quarter of the processor time of an install.
const CLEAN_OPTIONS = [...NPM_OPTIONS, '--prefer-offline']

/** Installs the workspaces unless node_modules already matches the lockfile. */
export async function ensureInstalled() {
  await ensureFolder(ROOT, 'packages', MANIFESTS)
  if (!existsSync(nodeBinary())) fail(NO_NODE)
}

/** Installs the third-party clients that the tests use; they are not a workspace. */
export async function ensureTestClients() {
  const folder = join(ROOT, 'server', 'test')
  await ensureFolder(folder, 'test clients', ['package.json', 'package-lock.json', '.npmrc'])
}

/**
 * Installs a Chromium for the tests of web pages, where there is none and the machine allows it:
 * for root on Debian. Elsewhere these tests say which browser is missing.
 */
export function ensureBrowser() {
  const isThere = (name) => spawnSync('which', [name]).status === 0
  if (process.env.CHROMIUM_PATH || BROWSERS.some(isThere)) return
  if (process.getuid?.() !== 0 || !isThere('apt-get')) return
  say('installing Chromium (apt-get) ...')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const options = { env, stdio: ['ignore', 'ignore', 'inherit'] }
  spawnSync('apt-get', ['update', '-qq'], options)
  for (const name of BROWSERS.slice(0, 2)) {
    if (spawnSync('apt-get', ['install', '-y', '-qq', name], options).status === 0) return
  }
  say('apt-get could not install Chromium: the tests of web pages will fail')
}

/** The path of the Node that the project installs for itself. */
export function nodeBinary() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  return join(ROOT, 'node_modules', 'node', 'bin', name)
}

/** Debian's packages first. */
const BROWSERS = [
  'chromium-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
]

const NO_NODE =
  'npm installed the package "node" without running its install script; ' +
  'run "npm rebuild node --ignore-scripts=false", then try again.'

async function ensureFolder(folder, what, manifests) {
  const stamp = join(folder, 'node_modules', '.coatcheck-install')
  const wanted = hashFiles(folder, manifests)
  if (readIfThere(stamp) === wanted) return
  const began = Date.now()
  say(`installing ${what} (npm ci) ...`)
  await install(folder)
  writeFileSync(stamp, wanted)
  say(`installed ${what} in ${seconds(began)} s`)
}

async function install(folder) {
  const clean = await runNpm(['ci', ...CLEAN_OPTIONS], folder)
  if (clean.code === 0) return
  say(`npm ci failed (${firstError(clean.output)}); trying npm install ...`)
  // --no-save: the files of a checkout stay unchanged.
  const loose = await runNpm(['install', '--no-save', ...NPM_OPTIONS], folder)
  if (loose.code === 0) return
  process.stderr.write(clean.output + loose.output)
  fail('npm could not install the packages; see its output above.')
}

function firstError(output) {
  const lines = output.split('\n').filter((line) => /^npm error \S/.test(line))
  const telling = lines.find((line) => !line.startsWith('npm error code ')) ?? lines[0]
  return telling?.replace('npm error ', '').trim() ?? 'npm did not say why'
}

/** A hash of the contents of the named files; a missing file counts as empty. */
export function hashFiles(folder, names) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`)
  for (const name of names) {
    const content = readIfThere(join(folder, name)) ?? ''
    hash.update(`\n${name} ${content.length}\n`).update(content)
  }
  return hash.digest('hex')
}

export function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

export function seconds(began) {
  return ((Date.now() - began) / 1000).toFixed(1)
}
