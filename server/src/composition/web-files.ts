import { existsSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { WebFile } from '../protocols/pages/web-files.ts'

/** The build puts them into `server/dist/pages`. This file runs from there or from the sources. */
const folders = ['../pages/', '../../dist/pages/']

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
}

/**
 * A file that browsers load, by its path below the folder of such files; undefined where this
 * server was never built.
 */
export function readWebFile(path: string): WebFile | undefined {
  for (const folder of folders) {
    const file = new URL(folder + path, import.meta.url)
    const contentType = contentTypes[extname(path)]
    if (contentType && existsSync(file)) return { contentType, bytes: readFileSync(file) }
  }
  return undefined
}
