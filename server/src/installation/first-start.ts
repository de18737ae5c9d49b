import type { Domain } from '../core/domain.ts'
import type { Environment } from '../core/kernel/environment.ts'
import { createToken } from '../core/people/token-text.ts'
import type { Config } from './config.ts'
import type { DataFolder } from './folder/data-folder.ts'
import { StartError } from './start-error.ts'

/** The result of a first start. */
export interface FirstStart {
  readonly token: string
  /** The file that holds the token; undefined: no file does. */
  readonly file: string | undefined
  /** Whether the user gave the token, in COATCHECK_INITIAL_TOKEN. */
  readonly isGiven: boolean
}

interface FirstStartParts {
  readonly config: Config
  readonly environment: Environment
  readonly folder: DataFolder | undefined
  /** Whether only this machine can reach the server. */
  readonly isLoopback: boolean
}

const initialTokenPattern = /^[\x21-\x7e]{32,}$/

/**
 * Creates the first user and a token, if there is no user yet. `COATCHECK_INITIAL_TOKEN` is used
 * now and never again. If other machines can reach the server it must be set, so that nobody else
 * gets in first. Returns undefined if there is a user already. Throws StartError, DataFolderError,
 * StorageError.
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
  // Writes the file before the user. After a crash in between there is no user, so the next start
  // is a first start again. In the other order there would be a user whose token nobody knows.
  const file = folder?.writeFirstToken(token)
  const isGiven = config.initialToken !== undefined
  if (await domain.users.createFirst(token)) return { token, file, isGiven }
  // Another server on the same database was first: this token belongs to no user.
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
  const message = 'COATCHECK_INITIAL_TOKEN is ignored: it is used on the first start only'
  environment.logError(message, undefined)
}
