import { createServer, IncomingMessage, type ServerOptions } from 'node:http'
import type { Duplex } from 'node:stream'

/** Takes a connection over from HTTP: what `node:http` hands out as `upgrade`. */
export type UpgradeHandler = (message: IncomingMessage, socket: Duplex, head: Buffer) => void

/** Whether a request asks for a WebSocket. One with a body is an ordinary request. */
export function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return false
  return headers['transfer-encoding'] === undefined && !Number(headers['content-length'])
}

/**
 * Options of a server that hands out as `upgrade` the requests that are chosen. All others stay
 * ordinary requests, whatever they would like to become: Java's HTTP client, for one, offers HTTP/2
 * that way.
 */
export function choosingUpgrades(isChosen: (message: IncomingMessage) => boolean): ServerOptions {
  if ('shouldUpgradeCallback' in createServer()) return { shouldUpgradeCallback: isChosen }
  return { IncomingMessage: messageChoosing(isChosen) }
}

const asked = Symbol('asked')

/**
 * Node before 22.21 and 24.9 has no option for that: a server that listens to `upgrade` gets all.
 * But it asks the message whether it is one.
 */
function messageChoosing(isChosen: (message: IncomingMessage) => boolean): typeof IncomingMessage {
  return class extends IncomingMessage {
    [asked] = false

    get upgrade(): boolean {
      return this[asked] && (this.method === 'CONNECT' || isChosen(this))
    }

    set upgrade(value: boolean) {
      this[asked] = value
    }
  }
}
