import { existsSync, readFileSync } from 'node:fs'
import type { WebFile } from './protocols/web-files.ts'

/** Where the build leaves them: beside the compiled server, of which this may be the source. */
const folders = ['./pages/', '../dist/pages/']

/** The script with App Lab's functions; undefined where this server was never built. */
export function readPageScript(): WebFile | undefined {
  for (const folder of folders) {
    const file = new URL(`${folder}applab.js`, import.meta.url)
    if (existsSync(file)) return { contentType: scriptType, bytes: readFileSync(file) }
  }
  return undefined
}

const scriptType = 'text/javascript; charset=utf-8'
