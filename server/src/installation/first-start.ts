import type { Domain } from '../core/domain.ts'
import type { Environment } from '../core/kernel/environment.ts'
import { createToken } from '../core/people/token-text.ts'
import type { Config } from './config.ts'
import type { DataFolder } from './data-folder.ts'
import { StartError } from './start-error.ts'

/** What was made at a first start. */
export interface FirstStart {
  readonly token: string
  /** Where it can be read again; undefined: nowhere. */
  readonly file: string | undefined
}

interface FirstStartParts {
  readonly config: Config
  readonly environment: Environment
  readonly folder: DataFolder | undefined
  /** Whether nobody but this machine reaches the server. */
  readonly isLoopback: boolean
}

const initialTokenPattern = /^[\x21-\x7e]{32,}$/

/**
 * An empty store gets its first user and a token. `COATCHECK_INITIAL_TOKEN` counts now and never
 * again; beyond loopback it must be given, so that nobody else finds the door open first. Undefined
 * where there is somebody already. Throws StartError, DataFolderError, StorageError.
 */
export async function makeFirstUser(
  domain: Domain,
  parts: FirstStartParts,
): Promise<FirstStart | undefined> {
  const { config, environment, folder } = parts
  if (await domain.users.hasAny()) {
    await warnOfOtherToken(domain, parts)
    return undefined
  }
  assertInitialToken(parts)
  const token = config.initialToken ?? createToken(environment)
  // The file comes first: whoever is cut off in between has no user yet, and starts for the first
  // time again. The other way round there would be a user whose token nobody knows.
  const file = folder?.writeFirstToken(token)
  if (await domain.users.createFirst(token)) return { token, file }
  // Another server on the same database was first: this token is nobody's.
  folder?.removeFirstToken()
  await warnOfOtherToken(domain, parts)
  return undefined
}

function assertInitialToken({ config, isLoopback }: FirstStartParts): void {
  const { initialToken, host } = config
  if (initialToken !== undefined && !initialTokenPattern.test(initialToken)) {
    throw new StartError('COATCHECK_INITIAL_TOKEN must be 32 or more visible ASCII characters.')
  }
  if (initialToken === undefined && !isLoopback) {
    const where = `${host} can be reached from other machines`
    throw new StartError(`${where}: set COATCHECK_INITIAL_TOKEN for the first start.`)
  }
}

async function warnOfOtherToken(
  domain: Domain,
  { config, environment }: FirstStartParts,
): Promise<void> {
  if (config.initialToken === undefined) return
  if (await domain.tokens.findByText(config.initialToken)) return
  const message = 'COATCHECK_INITIAL_TOKEN is ignored: it counts on the first start only'
  environment.logError(message, undefined)
}
