import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The folder `server` of this project. */
export const serverFolder = resolve(dirname(fileURLToPath(import.meta.url)), '../../..')

/** The module that opens engines, in these sources or in a copy of them. */
export function engineModule(server: string): string {
  return pathToFileURL(join(server, 'src/engines/open.ts')).href
}
