import type { HttpHandler, HttpRequest } from '../../transport/exchange.ts'
import { createWebFileDoor, type WebFile } from './web-files.ts'
import { welcomePage } from './welcome.ts'

const filesPath = '/console/'

/** Whether a path belongs to the console, even if there is no such file. */
export function isConsolePath(path: string): boolean {
  return path === '/' || path.startsWith(filesPath)
}

/**
 * For the console. Scripts must be files of this server. Its parts and its editor add their styles
 * as elements, so inline styles are allowed. Images, sounds and documents of records are shown from
 * `blob:` URLs, whose type the console chooses.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  'media-src blob:',
  'frame-src blob:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const pageHeaders = {
  'Content-Security-Policy': policy,
  'Referrer-Policy': 'no-referrer',
  'X-DNS-Prefetch-Control': 'off',
} as const

/** Their names contain a hash of their content, so a browser need not ask for them again. */
const fileHeaders = { 'Cache-Control': 'public, max-age=31536000, immutable' } as const

/**
 * The door of the console: its page at `/`, its files below `/console/`. `read` reads a file by
 * name; undefined if it was not built. Then `/` says how to use the server without it.
 */
export function createConsoleDoor(read: (name: string) => WebFile | undefined): HttpHandler {
  const page = read('home/index.html')
  const home: HttpHandler = page
    ? createWebFileDoor(page, pageHeaders)
    : async (request) => welcomePage(request)
  const doors = new Map<string, HttpHandler>()
  const doorOf = (name: string): HttpHandler | undefined => {
    const known = doors.get(name)
    const file = known ? undefined : read(`home/console/${name}`)
    if (file) doors.set(name, createWebFileDoor(file, fileHeaders))
    return doors.get(name)
  }
  return async (request: HttpRequest) => {
    if (request.path === '/') return home(request)
    const name = request.path.slice(filesPath.length)
    const door = /^[\w-][\w.-]{0,99}$/.test(name) ? doorOf(name) : undefined
    return door ? door(request) : notThere
  }
}

const notThere = {
  status: 404,
  headers: { 'Content-Type': 'text/plain; charset=utf-8' },
  body: 'There is no such file.\n',
} as const
