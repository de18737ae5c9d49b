// Bundles what is run: the server and its commands into few files, since loading 260 files takes
// half of a short command's time, and the scripts that the server sends to browsers into one file
// each. `node scripts/bundle.mjs FOLDER` writes the server into FOLDER/server and the files for
// browsers into FOLDER/pages. It checks no types: the compiler does that.
import { readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { isAbsolute, join, resolve } from 'node:path'
import { rolldown } from 'rolldown'
import { build } from 'vite'
import { fail, ROOT } from './process.mjs'

/** The programs of the server, each a file with the name of its source. */
const PROGRAMS = ['server/src/main.ts', 'server/src/protocols/json/json-schema-process.ts']

/** The name under which a page asks for a script, and where its source is. */
const SCRIPTS = {
  'applab.js': 'client/src/applab.ts',
  'play/play.js': 'console/src/play/play.ts',
  'play/frame.js': 'console/src/play/frame/frame.ts',
}

/** Files that are served unchanged. Several sources are joined, one after the other. */
const FILES = {
  'play/play.html': ['console/src/play/play.html'],
  'play/play.css': [
    'console/src/play/styles/play.css',
    'console/src/play/styles/workbench.css',
    'console/src/play/styles/data.css',
    // Must come last: it overrides rules of the others.
    'console/src/play/styles/narrow.css',
  ],
  'play/frame.html': ['console/src/play/frame/frame.html'],
}

// Browsers know this since 2022 or 2023: schools do not have the newest ones.
const BROWSERS = 'es2022'
// As in tsconfig.json: the oldest Node that is supported knows all of it.
const NODES = 'es2024'

/**
 * An `import` of `node:http` reads all its members, and the one named WebSocket loads the whole of
 * undici: an eighth of the processor time of a start. Here a program gets only the others.
 */
const lightHttp = {
  name: 'light-http',
  resolveId: { order: 'pre', handler: (id) => (id === 'node:http' ? '\0light-http' : null) },
  load: (id) => (id === '\0light-http' ? lightHttpSource() : null),
}

const folder = process.argv[2]
if (folder === undefined) fail('bundle.mjs needs the folder to write to.')
await bundlePrograms(resolve(folder, 'server'))
const pages = resolve(folder, 'pages')
for (const [name, source] of Object.entries(SCRIPTS)) await bundleScript(source, join(pages, name))
await bundleConsole(join(pages, 'home'))
for (const [name, sources] of Object.entries(FILES)) {
  const texts = sources.map((source) => readFileSync(join(ROOT, source), 'utf8'))
  writeFileSync(join(pages, name), texts.join('\n'))
}

/** What a program imports only when it needs it, such as an engine, gets a file of its own. */
async function bundlePrograms(dir) {
  const bundler = await rolldown({
    input: PROGRAMS.map((source) => join(ROOT, source)),
    platform: 'node',
    tsconfig: false,
    transform: { target: NODES },
    // Packages are imported from node_modules, as npm installs them. The bundler itself brings the
    // functions that it calls for syntax that the oldest Node does not know.
    external: (id) => !/^\.|^@oxc-project\/|^\0|^node:http$/.test(id) && !isAbsolute(id),
    plugins: [lightHttp],
  })
  await bundler.write({ dir, format: 'esm', chunkFileNames: '[name].js' })
  await bundler.close()
}

function lightHttpSource() {
  const members = Object.entries(Object.getOwnPropertyDescriptors(http))
  const names = members.filter(([, member]) => 'value' in member).map(([name]) => name)
  return `const http = process.getBuiltinModule('node:http')
export const { ${names.join(', ')} } = http`
}

/** Its screens are files of their own, which browsers load when they are opened. */
async function bundleConsole(outDir) {
  const configFile = join(ROOT, 'console', 'vite.config.ts')
  await build({ configFile, logLevel: 'error', build: { outDir } })
}

async function bundleScript(source, file) {
  const bundler = await rolldown({
    input: join(ROOT, source),
    platform: 'browser',
    tsconfig: false,
    transform: { target: BROWSERS },
  })
  await bundler.write({ file, format: 'iife', minify: true, comments: { legal: true } })
  await bundler.close()
}
