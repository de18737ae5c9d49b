import { onTestFinished } from 'vitest'
import type { AllowedHosts } from '../allowed-hosts.ts'
import type { UpgradesBounds, UpgradesPatience } from '../socket/socket-upgrades.ts'
import { WebSocketListener } from '../socket/websocket.ts'
import type { SocketDoor } from '../socket-exchange.ts'

/** Short enough for tests to wait for, and long enough for a busy machine. */
const shortPatience: UpgradesPatience = {
  handshakeMs: 400,
  idleMs: 400,
  pongMs: 400,
  stallMs: 400,
  shortStallMs: 400,
  endMs: 1_500,
  checkIntervalMs: 25,
}

interface ListenerSettings {
  readonly door: SocketDoor
  readonly maxPayloadBytes?: number
  readonly patience?: Partial<UpgradesPatience>
  readonly bounds?: UpgradesBounds
  readonly allowedHosts?: AllowedHosts
}

export interface RunningListener {
  readonly listener: WebSocketListener
  readonly url: string
  /** What was logged. */
  readonly failures: unknown[][]
}

/**
 * Starts a listener until the test is over. It has the usual patience unless some of it is given.
 */
export async function startListener(settings: ListenerSettings): Promise<RunningListener> {
  const { patience, maxPayloadBytes = 1_048_576, ...rest } = settings
  const failures: unknown[][] = []
  const listener = new WebSocketListener({
    ...rest,
    host: '127.0.0.1',
    port: 0,
    maxPayloadBytes,
    ...(patience && { patience: { ...shortPatience, idleMs: 60_000, ...patience } }),
    logError: (...failure) => void failures.push(failure),
  })
  await listener.listen()
  onTestFinished(() => listener.stop())
  return { listener, url: listener.url, failures }
}
