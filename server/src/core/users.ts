import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { StorageEngine } from './engine.ts'
import type { Environment } from './environment.ts'
import { createId, randomAlphanumerics } from './ids.ts'
import { kindRange, tokenKey, userKey, usernameKey } from './keyspace.ts'
import { limits } from './limits.ts'

export interface User {
  readonly id: string
  readonly username: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

const tokenPrefix = 'coatcheck_'
/** 44 letters and digits are 262 random bits. */
const tokenSecretLength = 44
const firstUsername = 'owner'

/** Users and their API tokens. Tokens are kept as hashes only. */
export class Users {
  readonly #engine: StorageEngine
  readonly #environment: Environment

  constructor(engine: StorageEngine, environment: Environment) {
    this.#engine = engine
    this.#environment = environment
  }

  async hasAny(): Promise<boolean> {
    const page = await this.#engine.scan(kindRange('user'), { limit: 1, bytes: 1 })
    return page.entries.length > 0
  }

  /**
   * Makes the first user, who may use `token`. Of several servers that start at once, one makes it.
   */
  async createFirst(token: string): Promise<void> {
    const user: User = {
      id: createId(this.#environment),
      username: firstUsername,
      createdAt: this.#environment.now(),
    }
    const username = usernameKey(user.username)
    const grant = { userId: user.id, createdAt: user.createdAt }
    await this.#engine.commit({
      checks: [{ key: username, revision: undefined }],
      puts: [
        { key: username, value: Buffer.from(user.id) },
        { key: userKey(user.id), value: Buffer.from(JSON.stringify(user)) },
        { key: tokenKey(digestOf(token)), value: Buffer.from(JSON.stringify(grant)) },
      ],
    })
  }

  /** The user that a token stands for; undefined: nobody's token. */
  async findByToken(token: string): Promise<User | undefined> {
    const [grant] = await this.#engine.get([tokenKey(digestOf(token))])
    if (!grant) return undefined
    const { userId } = JSON.parse(Buffer.from(grant.value).toString('utf8'))
    return this.get(userId)
  }

  async get(userId: string): Promise<User | undefined> {
    const [entry] = await this.#engine.get([userKey(userId)])
    return entry && JSON.parse(Buffer.from(entry.value).toString('utf8'))
  }

  async getByUsername(username: string): Promise<User | undefined> {
    if (username.length > limits.usernameLengthMax) return undefined
    const [entry] = await this.#engine.get([usernameKey(username)])
    return entry && this.get(Buffer.from(entry.value).toString('latin1'))
  }
}

/**
 * A fresh token: a prefix that scanners know, a secret, and a checksum that tells a typo from a
 * token.
 */
export function createToken(environment: Environment): string {
  const text = tokenPrefix + randomAlphanumerics(environment, tokenSecretLength)
  return text + crc32(text).toString(36).padStart(7, '0')
}

function digestOf(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}
