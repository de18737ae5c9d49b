import { setFlagsFromString } from 'node:v8'
import { type RunningServer, startServer } from '../../composition/server.ts'
import { readConfig } from '../../installation/config.ts'
import { type SystemEnvironment, systemEnvironment } from '../system/system.ts'
import { noticeOf } from '../terminal/first-token.ts'

/**
 * A second signal within this time is the same Ctrl-C: the terminal sends it, and npm sends it
 * again.
 */
const sameSignalMs = 1_000
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** `coatcheck serve`: runs the server until a signal stops it. */
export async function serveCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const config = readConfig(args, environment)
  const system = systemEnvironment()
  for (const warning of config.warnings) system.logError(warning, undefined)
  forgoPretenuring()
  outliveReaders()
  const signals = listenForSignals(system)
  const server = await startServer(config, system).catch((error: unknown) => {
    signals.forget()
    throw error
  })
  const forget = announce(server)
  const signal = await signals.first
  system.logError(`Coatcheck is stopping: it received ${signal}`, undefined)
  await server.close()
  forget()
  system.logError('Coatcheck has stopped', undefined)
  system.flushLog()
  return 0
}

/**
 * Turns off V8's pretenuring. Under load at the start, most objects of requests survive a
 * collection of the small young generation, so V8 would allocate later ones in the old generation.
 * Dead objects there keep the objects that they refer to alive: garbage collection took an eighth
 * of a busy server's time, instead of a fortieth.
 */
function forgoPretenuring(): void {
  setFlagsFromString('--no-allocation-site-pretenuring')
}

/** A closed terminal, or a reader of the log that has ended, must not end the server. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
    })
  }
}

/**
 * Prints the only lines on stdout. The last one says that all doors are open. Returns a function
 * that is to be called when the server has stopped.
 */
function announce({ url, nemesisUrl, firstStart, playUrl }: RunningServer): () => void {
  const isTerminal = process.stdout.isTTY
  const notice = firstStart && noticeOf(firstStart, { playUrl, isTerminal })
  for (const line of notice?.lines ?? []) process.stdout.write(`${line}\n`)
  if (nemesisUrl) process.stdout.write(`The NemesisDB door is at ${nemesisUrl}\n`)
  process.stdout.write(`Coatcheck is listening on ${url}\n`)
  return () => notice?.remove()
}

/**
 * The first signal asks to stop; a later one ends the process at once. A terminal that is closed
 * sends SIGHUP. `forget` ends the listening.
 */
function listenForSignals(system: SystemEnvironment): { first: Promise<string>; forget(): void } {
  const { promise, resolve } = Promise.withResolvers<string>()
  let asked: number | undefined
  const take = (signal: NodeJS.Signals): void => {
    const now = performance.now()
    if (asked !== undefined && now - asked > sameSignalMs) {
      system.logError(`Coatcheck ends at once: it received ${signal} again`, undefined)
      process.exit(1)
    }
    asked ??= now
    resolve(signal)
  }
  for (const signal of stopSignals) process.on(signal, take)
  const forget = (): void => {
    for (const signal of stopSignals) process.off(signal, take)
  }
  return { first: promise, forget }
}
