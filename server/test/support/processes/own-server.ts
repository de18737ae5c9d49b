import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Log } from '../../../src/cli/system/log.ts'
import { systemEnvironment } from '../../../src/cli/system/system.ts'
import { startServer } from '../../../src/composition/server.ts'
import { readConfig } from '../../../src/installation/config.ts'
import { problemsIn, type ServeOptions } from './server-process.ts'

/** A server in the process of the test, for where it need not be a process of its own. */
export interface OwnServer {
  readonly url: string
  /** '' if that door has no port of its own. */
  readonly nemesisUrl: string
  /** The token of the first start. */
  readonly token: string
  readonly data: string
  /** Its log, as a process would write it to stderr. */
  readonly stderr: string
  /** Its log without the lines that tell of a first start. */
  readonly problems: string[]
  readonly hasStopped: boolean
  stop(): Promise<void>
}

interface OwnOptions extends Omit<ServeOptions, 'under'> {
  /** Its clock, if it goes wrong. */
  readonly now?: () => number
}

/** Starts a server as `coatcheck serve` with these options. It stops at the end of the test. */
export async function startOwnServer({
  data,
  args = [],
  env = {},
  now = () => Date.now(),
}: OwnOptions): Promise<OwnServer> {
  const settings = { COATCHECK_NEMESIS_PORT: 'off', ...env }
  const config = readConfig(['--data', data, '--port', '0', ...args], settings)
  let stderr = ''
  const log = new Log({
    now,
    monotonic: () => performance.now(),
    write: (line) => {
      stderr += line
    },
  })
  const logError: Log['add'] = (message, cause, about) => log.add(message, cause, about)
  for (const warning of config.warnings) logError(warning, undefined)
  const server = await startServer(config, { ...systemEnvironment(), now, logError })
  const own = {
    url: server.url,
    nemesisUrl: server.nemesisUrl ?? '',
    get token(): string {
      return server.firstStart?.token ?? readFileSync(join(data, 'first-token'), 'utf8').trim()
    },
    data,
    get stderr(): string {
      return stderr
    },
    get problems(): string[] {
      return problemsIn(stderr)
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
