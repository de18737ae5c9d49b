import type { HttpHandler, HttpReply } from '../../transport/exchange.ts'
import { createWebFileDoor, forAnyOrigin, type WebFile } from './web-files.ts'

/** The path of the page. Its other files are below it. */
export const playPath = '/play'

/** Whether a path belongs to the page, even if there is no such file. */
export function isPlayPath(path: string): boolean {
  return path === playPath || path.startsWith(`${playPath}/`)
}

/**
 * For the page on which people try App Lab's functions. CodeMirror adds its styles as elements, so
 * inline styles are allowed. Scripts must be files of this server.
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
 * For the frame in which a user's program runs. The sandbox gives it an opaque origin, however it
 * is opened. It can reach only this server, as any page can.
 */
const framePolicy = [
  'sandbox allow-scripts allow-modals',
  "default-src 'none'",
  "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
  "style-src 'unsafe-inline'",
  'img-src data: blob:',
  'media-src data: blob:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
  // Browsers that know this directive keep programs from reaching other servers by WebRTC.
  "webrtc 'block'",
]

/** By path: the name of the built file, and its Content-Security-Policy. */
const files = {
  '/play': { name: 'play/play.html', policy: pagePolicy },
  '/play/play.css': { name: 'play/play.css', policy: [] },
  '/play/play.js': { name: 'play/play.js', policy: [] },
  '/play/frame': { name: 'play/frame.html', policy: framePolicy },
  '/play/frame.js': { name: 'play/frame.js', policy: [] },
} as const

const privateHeaders = {
  // The URL of this page may contain a project's page key. Other sites must not see it.
  'Referrer-Policy': 'no-referrer',
  // Looking up names in advance would tell them to others.
  'X-DNS-Prefetch-Control': 'off',
} as const

/** The door of the page. `read` reads a file by name; undefined if it was not built. */
export function createPlayDoor(read: (name: string) => WebFile | undefined): HttpHandler {
  const doors = new Map<string, HttpHandler>()
  for (const [path, { name, policy }] of Object.entries(files)) {
    // Browsers tell a page nothing of errors in a script of another origin, as the frame's is.
    const isOfFrame = path === '/play/frame.js'
    const headers = { ...privateHeaders, ...policyHeaders(policy), ...(isOfFrame && forAnyOrigin) }
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

/** Redirects: only from the path without the slash do the relative URLs of the page work. */
function withoutSlash(query: string): HttpReply {
  const location = `..${playPath}${query === '' ? '' : `?${query}`}`
  return { status: 308, headers: { Location: location }, body: '' }
}

function notThere(): HttpReply {
  const headers = { 'Content-Type': 'text/plain; charset=utf-8' }
  return { status: 404, headers, body: 'There is no such file.\n' }
}
