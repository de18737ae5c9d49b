import { setFlagsFromString } from 'node:v8'
import { type RunningServer, startServer } from '../../composition/server.ts'
import { readConfig } from '../../installation/config.ts'
import { systemEnvironment } from '../system/system.ts'

/**
 * A signal that comes again within this time is the same Ctrl-C, sent twice by terminal and npm.
 */
const sameSignalMs = 1_000

/** `coatcheck serve`: serves until it is told to stop. */
export async function serveCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const config = readConfig(args, environment)
  const system = systemEnvironment()
  for (const warning of config.warnings) system.logError(warning, undefined)
  forgoPretenuring()
  const stopping = untilSignal()
  const server = await startServer(config, system)
  announce(server)
  await stopping
  await server.close()
  return 0
}

/**
 * V8 would let objects of every request begin among those that last, since under load at the start
 * most outlive a collection of its small first heap. Each then keeps what it points at from being
 * collected: an eighth of a busy server's time went there, instead of a fortieth.
 */
function forgoPretenuring(): void {
  setFlagsFromString('--no-allocation-site-pretenuring')
}

/** stdout has these lines only; the last one says that every door is open. */
function announce({ url, nemesisUrl, firstStart, playUrl }: RunningServer): void {
  if (firstStart) {
    const where = firstStart.file ? ` (also in ${firstStart.file})` : ''
    process.stdout.write(`Your token is ${firstStart.token}${where}\n`)
    const signedIn = `${playUrl}#token=${encodeURIComponent(firstStart.token)}`
    process.stdout.write(`Try it in your browser: ${signedIn}\n`)
  }
  if (nemesisUrl) process.stdout.write(`The NemesisDB door is at ${nemesisUrl}\n`)
  process.stdout.write(`Coatcheck is listening on ${url}\n`)
}

/** The first SIGTERM or SIGINT asks to stop; a later one ends the process at once. */
function untilSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let asked: number | undefined
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      const now = performance.now()
      if (asked !== undefined && now - asked > sameSignalMs) process.exit(1)
      asked ??= now
      resolve()
    })
  }
  return promise
}
