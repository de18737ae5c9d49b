import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemEnvironment } from '../../../src/cli/system/system.ts'
import { startServer } from '../../../src/composition/server.ts'
import { readConfig } from '../../../src/installation/config.ts'
import type { ServeOptions } from './server-process.ts'

/** A server in the process of the test, for where it need not be a process of its own. */
export interface OwnServer {
  readonly url: string
  /** The token of the first start. */
  readonly token: string
  readonly hasStopped: boolean
  stop(): Promise<void>
}

/** Starts a server as `coatcheck serve` with these options. It stops at the end of the test. */
export async function startOwnServer({
  data,
  args = [],
  env = {},
}: Omit<ServeOptions, 'under'>): Promise<OwnServer> {
  const settings = { COATCHECK_NEMESIS_PORT: 'off', ...env }
  const config = readConfig(['--data', data, '--port', '0', ...args], settings)
  const server = await startServer(config, systemEnvironment())
  const own = {
    url: server.url,
    get token(): string {
      return server.firstStart?.token ?? readFileSync(join(data, 'first-token'), 'utf8').trim()
    },
    hasStopped: false,
    stop: async () => {
      if (!own.hasStopped) await server.close()
      own.hasStopped = true
    },
  }
  onTestFinished(own.stop)
  return own
}
