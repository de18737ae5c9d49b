import type { Domain } from '../core/domain.ts'
import type { Environment } from '../core/kernel/environment.ts'
import { KeyQueue } from '../core/kernel/key-queue.ts'
import type { Config } from '../installation/config.ts'
import type { Compat } from '../protocols/nemesis/call/wire.ts'
import { DumpFiles } from '../protocols/nemesis/dumps/dump-files.ts'
import { createNemesisDoor } from '../protocols/nemesis/nemesis.ts'
import { type AllowedHosts, hostNameOf, isLoopbackName } from '../transport/allowed-hosts.ts'
import type { OpenConnections } from '../transport/bounds/open-connections.ts'
import type { TrustedProxies } from '../transport/proxies/trusted-proxies.ts'
import { WebSocketListener } from '../transport/socket/websocket.ts'
import type { SocketDoor } from '../transport/socket-exchange.ts'

/** The path of the NemesisDB door on the main port. */
export const nemesisPath = '/nemesis'

const defaultPort = 1_987

export interface NemesisParts {
  readonly config: Config
  readonly environment: Environment
  readonly allowedHosts: AllowedHosts | undefined
  readonly proxies: TrustedProxies | undefined
  readonly connections: OpenConnections
  readonly isLoopback: boolean
}

/** The port of the NemesisDB door. It refuses handshakes until `open` is called. */
export class NemesisPort {
  readonly #parts: NemesisParts
  readonly #listener: WebSocketListener
  #door: SocketDoor | undefined
  #isListening = false

  constructor(parts: NemesisParts) {
    const { config, environment, allowedHosts, proxies, connections } = parts
    this.#parts = parts
    this.#listener = new WebSocketListener({
      host: config.host,
      port: config.nemesisPort === 'off' ? 0 : config.nemesisPort,
      door: { accept: (...handshake) => this.#door?.accept(...handshake) ?? starting },
      maxPayloadBytes: config.nemesisMaxPayload,
      allowedHosts,
      proxies,
      connections,
      logError: (message, cause) => environment.logError(message, cause),
    })
  }

  /** Undefined if the door has no port of its own. */
  get url(): string | undefined {
    return this.#isListening ? this.#listener.url : undefined
  }

  get handleUpgrade(): WebSocketListener['handleUpgrade'] {
    return this.#listener.handleUpgrade
  }

  /**
   * Listens on the port, and rejects if that fails. A taken default port that the user did not set
   * is no failure: the door is then on the main port only, and the log says so.
   */
  async listen(): Promise<void> {
    const { config, environment } = this.#parts
    if (config.nemesisPort === 'off') return
    try {
      await this.#listener.listen()
      this.#isListening = true
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
      if (!isTaken || config.nemesisPort !== defaultPort || config.isNemesisPortGiven) throw error
      const where = `the NemesisDB door is at ${nemesisPath} of the main port only`
      environment.logError(`Port ${defaultPort} is taken: ${where}`, undefined)
    }
  }

  open(domain: Domain): void {
    const { config, environment, isLoopback } = this.#parts
    const isPrivate = isLoopback && !hasPublicName(config)
    const compat: Compat = config.nemesisCompat
    const { nemesisSaveDir: folder } = config
    const dumps = folder === 'off' ? undefined : new DumpFiles(folder, environment)
    this.#door = createNemesisDoor({
      domain,
      environment,
      compat,
      dumps,
      loads: new KeyQueue(),
      takesLocalHost: (host) => isPrivate && isLocalHost(host),
    })
  }

  stop(): Promise<void> {
    return this.#listener.stop()
  }
}

const starting = { status: 503, message: 'Coatcheck is starting.', headers: { 'Retry-After': '1' } }

/**
 * Whether the settings say that clients of other machines reach this server: then it does not
 * matter that it listens on loopback.
 */
function hasPublicName({ publicUrl, allowedHosts, trustedProxies }: Config): boolean {
  const names = publicUrl === undefined ? [] : [new URL(publicUrl).hostname]
  const isPublic = (name: string): boolean => !isLoopbackName(name)
  return trustedProxies.length > 0 || [...names, ...allowedHosts].some(isPublic)
}

/** Whether a `Host` is a name by which a machine reaches itself. */
function isLocalHost(host: string | undefined): boolean {
  const name = host === undefined ? undefined : hostNameOf(host)
  return name !== undefined && isLoopbackName(name)
}
