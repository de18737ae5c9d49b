import { existsSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { WebFile } from '../protocols/pages/web-files.ts'

/**
 * The build puts these files into `server/dist/pages`. This module runs in `server/dist/server` or
 * in the sources.
 */
const folders = ['../pages/', '../../dist/pages/']

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/**
 * Reads a file for browsers, by its path in that folder. Undefined if the server was never built.
 */
export function readWebFile(path: string): WebFile | undefined {
  for (const folder of folders) {
    const file = new URL(folder + path, import.meta.url)
    const contentType = contentTypes[extname(path)]
    if (contentType && existsSync(file)) return { contentType, bytes: readFileSync(file) }
  }
  return undefined
}
