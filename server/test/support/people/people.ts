import { Remote } from '../network/remote.ts'

export interface Person {
  readonly id: string
  readonly username: string
  /** A token without limits. */
  readonly token: string
}

export interface OwnToken {
  readonly id: string
  readonly token: string
}

/** The settings of a new token, as the API takes them. */
export interface Wish {
  readonly name?: string
  readonly action?: 'read' | 'write' | 'manage'
  readonly storeId?: string
  readonly keyPrefix?: string
}

/** A server whose first token is known. */
interface Served {
  readonly url: string
  readonly token: string
}

/** People of a server. */
export class People {
  readonly #server: Served

  /** `url` and `token` are read only when they are needed: they may be getters. */
  constructor(server: Served) {
    this.#server = server
  }

  get remote(): Remote {
    return new Remote(this.#server.url)
  }

  async create(username: string): Promise<Person> {
    const path = '/coatcheck/v1/users'
    const asked = { method: 'POST', token: this.#server.token, json: { username } }
    const { data } = await this.remote.do(path, asked)
    return { id: data.id, username, token: data.token.token }
  }

  async disable({ username }: Person): Promise<void> {
    const json = { isDisabled: true }
    const asked = { method: 'PATCH', token: this.#server.token, json }
    await this.remote.do(`/coatcheck/v1/users/${username}`, asked)
  }

  async createToken({ token }: Person, wish: Wish): Promise<OwnToken> {
    const { data } = await this.remote.do('/coatcheck/v1/tokens', {
      method: 'POST',
      token,
      json: wish,
    })
    return { id: data.id, token: data.token }
  }

  async revoke({ token }: Person, { id }: OwnToken): Promise<void> {
    await this.remote.do(`/coatcheck/v1/tokens/${id}`, { method: 'DELETE', token })
  }

  /** Sets what others may do with a store; null takes the right away. */
  async share(
    { token }: Person,
    storeId: string,
    shares: Readonly<Record<string, string | null>>,
  ): Promise<void> {
    const path = `/v2/key-value-stores/${storeId}/access`
    await this.remote.do(path, { method: 'PATCH', token, json: { shares } })
  }
}
