import type { HttpHandler, HttpReply } from '../../transport/exchange.ts'
import { createWebFileDoor, type WebFile } from './web-files.ts'

/** Of the page; its other files are below it. */
export const playPath = '/play'

/** Whether it is one of the page's, or would be. */
export function isPlayPath(path: string): boolean {
  return path === playPath || path.startsWith(`${playPath}/`)
}

/**
 * The page to try App Lab's functions on. CodeMirror brings its styles along as elements; a script
 * of the page's own comes as a file alone.
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  'img-src data:',
  "connect-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
]

/**
 * The frame in which somebody's program runs: its origin is nobody's however it is opened, and it
 * reaches this server alone, as any page may.
 */
const framePolicy = [
  'sandbox allow-scripts',
  "default-src 'none'",
  "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
  "style-src 'unsafe-inline'",
  'img-src data: blob:',
  'media-src data: blob:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
]

/** By path: the file, as it is called where it was built, and what it may do. */
const files = {
  '/play': { name: 'play/play.html', policy: pagePolicy },
  '/play/play.css': { name: 'play/play.css', policy: [] },
  '/play/play.js': { name: 'play/play.js', policy: [] },
  '/play/frame': { name: 'play/frame.html', policy: framePolicy },
  '/play/frame.js': { name: 'play/frame.js', policy: [] },
} as const

/** `read` reads one of its files; undefined where it was not built. */
export function createPlayDoor(read: (name: string) => WebFile | undefined): HttpHandler {
  const doors = new Map<string, HttpHandler>()
  for (const [path, { name, policy }] of Object.entries(files)) {
    // An address of this page may hold the key of a project's pages.
    const headers = { 'Referrer-Policy': 'no-referrer', ...policyHeaders(policy) }
    doors.set(path, createWebFileDoor(read(name), headers))
  }
  return async (request) => {
    const door = doors.get(request.path)
    if (door) return door(request)
    return request.path === `${playPath}/` ? withoutSlash(request.query) : notThere()
  }
}

function policyHeaders(policy: readonly string[]): Record<string, string> {
  return policy.length > 0 ? { 'Content-Security-Policy': policy.join('; ') } : {}
}

/** What the page names beside itself is found from there alone. */
function withoutSlash(query: string): HttpReply {
  const location = `..${playPath}${query === '' ? '' : `?${query}`}`
  return { status: 308, headers: { Location: location }, body: '' }
}

function notThere(): HttpReply {
  const headers = { 'Content-Type': 'text/plain; charset=utf-8' }
  return { status: 404, headers, body: 'There is no such file.\n' }
}
