import { createServer, IncomingMessage, type ServerOptions } from 'node:http'
import type { Duplex } from 'node:stream'

/** Takes a connection over from HTTP: a listener for `upgrade` of `node:http`. */
export type UpgradeHandler = (message: IncomingMessage, socket: Duplex, head: Buffer) => void

/** Whether a request asks for a WebSocket. One with a body is an ordinary request. */
export function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return false
  return headers['transfer-encoding'] === undefined && !Number(headers['content-length'])
}

/**
 * Options of a server that emits `upgrade` only for the chosen requests. All others stay ordinary
 * requests, whatever they ask to become: Java's HTTP client, for one, offers HTTP/2 that way.
 */
export function choosingUpgrades(isChosen: (message: IncomingMessage) => boolean): ServerOptions {
  if ('shouldUpgradeCallback' in createServer()) return { shouldUpgradeCallback: isChosen }
  return { IncomingMessage: messageChoosing(isChosen) }
}

const asked = Symbol('asked')

/**
 * Node before 22.21 and 24.9 has no option for that: a server that listens to `upgrade` gets all of
 * these requests. But it first reads `upgrade` of the message, which this class overrides.
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
