// Makes the files that the server sends to browsers: scripts, each bundled into one file, and the
// pages around them. `node scripts/bundle.mjs FOLDER` writes them into that folder.
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { rolldown } from 'rolldown'
import { fail, ROOT } from './process.mjs'

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
const TARGET = 'es2022'

const folder = process.argv[2]
if (folder === undefined) fail('bundle.mjs needs the folder to write to.')
for (const [name, source] of Object.entries(SCRIPTS)) await bundle(source, resolve(folder, name))
for (const [name, sources] of Object.entries(FILES)) {
  const texts = sources.map((source) => readFileSync(join(ROOT, source), 'utf8'))
  writeFileSync(resolve(folder, name), texts.join('\n'))
}

async function bundle(source, file) {
  const bundler = await rolldown({
    input: join(ROOT, source),
    platform: 'browser',
    tsconfig: false,
    transform: { target: TARGET },
  })
  await bundler.write({ file, format: 'iife', minify: true, comments: { legal: true } })
  await bundler.close()
}
