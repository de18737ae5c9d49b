import { timingSafeEqual } from 'node:crypto'
import type { Environment } from '../kernel/environment.ts'
import { randomAlphanumerics } from '../kernel/ids.ts'
import { digestOf } from '../people/token-text.ts'
import type { Users } from '../people/users.ts'
import { operatorPrincipal, type Sender, type UserPrincipal } from './principal.ts'

const secretPrefix = 'coatcheck_local_'
/** 48 letters and digits are 285 random bits. */
const secretLength = 48

/** Proves that a caller can read the data folder. It is valid while this server runs. */
export interface OperatorSecret {
  readonly secret: string
  /** The IP address that this server listens on. */
  readonly address: string
}

/** Never equal to a token: tokens have no underscore after their prefix. */
export function createOperatorSecret(environment: Environment): string {
  return secretPrefix + randomAlphanumerics(environment, secretLength)
}

/** Recognizes callers with the secret of this server, which is only stored in its data folder. */
export class Operator {
  readonly #users: Users
  readonly #digest: Buffer
  readonly #address: string

  constructor(users: Users, { secret, address }: OperatorSecret) {
    this.#users = users
    this.#digest = digestOf(secret)
    this.#address = bareAddress(address)
  }

  /** Whether the text is the secret and comes from this machine. Does not use the storage. */
  isSecret(text: string, from: Sender | undefined): boolean {
    return timingSafeEqual(digestOf(text), this.#digest) && this.#isNear(from)
  }

  /**
   * The principal of the secret: the oldest admin, who may do everything. Undefined if the text is
   * not the secret, if it may have come from another machine, or if there is no admin yet.
   */
  async get(text: string, from: Sender | undefined): Promise<UserPrincipal | undefined> {
    if (!this.isSecret(text, from)) return undefined
    const admin = await this.#users.getFirstAdmin()
    return admin && operatorPrincipal(admin)
  }

  /**
   * Whether the sender is on this machine. A request that a proxy on this machine forwards does not
   * count.
   */
  #isNear(from: Sender | undefined): boolean {
    if (from?.isForwarded !== false) return false
    const peer = bareAddress(from.peer)
    return peer === this.#address || peer === '::1' || /^127(\.\d{1,3}){3}$/.test(peer)
  }
}

/** Removes the prefix that an IPv6 socket puts before an IPv4 address. */
function bareAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
