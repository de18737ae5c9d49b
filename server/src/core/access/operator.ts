import { timingSafeEqual } from 'node:crypto'
import type { Environment } from '../kernel/environment.ts'
import { randomAlphanumerics } from '../kernel/ids.ts'
import { digestOf } from '../people/token-text.ts'
import type { Users } from '../people/users.ts'
import { operatorPrincipal, type Sender, type UserPrincipal } from './principal.ts'

const secretPrefix = 'coatcheck_local_'
/** 48 letters and digits are 285 random bits. */
const secretLength = 48

/** How whoever may read the data folder proves it, for as long as one server runs. */
export interface OperatorSecret {
  readonly secret: string
  /** The IP address that this server listens on. */
  readonly address: string
}

/** Never the text of a token: those have no underscore behind their prefix. */
export function createOperatorSecret(environment: Environment): string {
  return secretPrefix + randomAlphanumerics(environment, secretLength)
}

/** Knows whoever has the secret of this server, which is kept nowhere but in its data folder. */
export class Operator {
  readonly #users: Users
  readonly #digest: Buffer
  readonly #address: string

  constructor(users: Users, { secret, address }: OperatorSecret) {
    this.#users = users
    this.#digest = digestOf(secret)
    this.#address = bareAddress(address)
  }

  /** Whether it is the secret, and comes from this machine: no storage is asked. */
  isSecret(text: string, from: Sender | undefined): boolean {
    return timingSafeEqual(digestOf(text), this.#digest) && this.#isNear(from)
  }

  /**
   * Who may do everything, as the oldest admin. Undefined where the text is not the secret, or may
   * have come from another machine; and where there is no admin yet.
   */
  async get(text: string, from: Sender | undefined): Promise<UserPrincipal | undefined> {
    if (!this.isSecret(text, from)) return undefined
    const admin = await this.#users.getFirstAdmin()
    return admin && operatorPrincipal(admin)
  }

  /** What a proxy on this machine passes on is not of this machine. */
  #isNear(from: Sender | undefined): boolean {
    if (from?.isForwarded !== false) return false
    const peer = bareAddress(from.peer)
    return peer === this.#address || peer === '::1' || /^127(\.\d{1,3}){3}$/.test(peer)
  }
}

/** IPv4 as such, where it comes through a socket of IPv6. */
function bareAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
