import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createToken } from '../../../src/core/people/token-text.ts'
import { signContent, signRecord } from '../../../src/protocols/apify/call/signatures.ts'
import { type Asked, Remote } from '../network/remote.ts'

/** The record in the scope of prefixes and record links, and a record outside of it. */
export const inside = 'in-coat'
export const outside = 'out-hat'
const prefix = 'in-'
const dayMs = 86_400_000
const expiringMs = 200
const lookAgainMs = 5

const usernames = ['jane', 'stranger', 'reader', 'writer', 'manager', 'gone', 'target'] as const
type Username = (typeof usernames)[number]
/** The users who have tokens with fewer rights than their own. */
const changing = ['jane', 'writer', 'manager'] as const

/** What a caller sends to prove a right. */
export interface Credentials {
  readonly token?: string
  readonly signature?: string
}

interface Server {
  readonly url: string
  readonly token: string
}

/** Returns the name of the wardrobe. */
type Prepare = (world: World) => Promise<string>

interface MadeToken {
  readonly id: string
  readonly text: string
}

/** The wardrobe: the store that all operations are about. */
interface Wardrobe {
  readonly id: string
  readonly name: string
  readonly secret: string
  /** The channel id: the store is also a project. */
  readonly channelId: string
  readonly prefixRead: MadeToken
  readonly prefixWrite: MadeToken
  readonly whole: MadeToken
  readonly managersPrefix: MadeToken
}

/**
 * A server with an admin, with jane who owns stores, and with users with and without a share in one
 * of them. `restore` undoes the changes of an operation.
 */
export class World {
  readonly #remote: Remote
  readonly #admin: string
  /** Each user's own token, without limits. */
  readonly #tokens = new Map<Username, string>()
  readonly #made = new Map<string, MadeToken>()
  #wardrobe: Wardrobe | undefined
  #otherStore = { id: '', secret: '' }
  #spare = ''
  #count = 0
  readonly #prepare: Prepare | undefined

  private constructor({ url, token }: Server, prepare: Prepare | undefined) {
    this.#remote = new Remote(url)
    this.#admin = token
    this.#prepare = prepare
  }

  /** `prepare` may make the wardrobe before `create` opens it by its name. */
  static async create(server: Server, prepare?: Prepare): Promise<World> {
    const world = new World(server, prepare)
    for (const username of usernames) await world.#createUser(username)
    await world.#createTokens()
    const { id, urlSigningSecretKey } = await world.#openStore('other')
    world.#otherStore = { id, secret: urlSigningSecretKey }
    world.#made.set('other', await world.#createToken('jane', { action: 'manage', storeId: id }))
    await world.#disable()
    await world.restore()
    return world
  }

  /** A name that is not used yet. */
  fresh(): string {
    this.#count += 1
    return `fresh-${this.#count}`
  }

  get wardrobe(): Wardrobe {
    if (!this.#wardrobe) throw new Error('The wardrobe does not exist yet.')
    return this.#wardrobe
  }

  /** The value of a path parameter such as `:store`. */
  fill(parameter: string, address: 'id' | 'name'): string {
    const { id, name, channelId } = this.wardrobe
    if (parameter === ':channel') return channelId
    if (parameter === ':store') return address === 'id' ? id : `jane~${name}`
    if (parameter === ':token') return this.#spare
    if (parameter === ':user') return 'target'
    throw new Error(`Unknown path parameter: ${parameter}.`)
  }

  as(caller: string): Credentials {
    const credentials = callers[caller]
    if (!credentials) throw new Error(`There is no caller "${caller}".`)
    return credentials(this)
  }

  tokenOf(user: Username | 'admin'): string {
    return user === 'admin' ? this.#admin : (this.#tokens.get(user) ?? '')
  }

  /** A token that was made at the beginning. */
  made(name: string): string {
    return this.#made.get(name)?.text ?? ''
  }

  /** Every token and signature of the callers. */
  secrets(): string[] {
    const come = callerNames.map((caller) => this.as(caller))
    const all = come.flatMap(({ token, signature }) => [token, signature])
    return [...new Set(all)].filter((one) => one !== undefined)
  }

  recordLink(): string {
    return signRecord(this.wardrobe.secret, inside)
  }

  contentLink({ expiresAt = 0 } = {}): string {
    const { id, secret } = this.wardrobe
    return signContent(secret, { storeId: id, expiresAt })
  }

  foreignLink(): string {
    const { id, secret } = this.#otherStore
    return signContent(secret, { storeId: id, expiresAt: 0 })
  }

  /** All that an operation could change, without the fields that reading changes too. */
  async state(): Promise<readonly unknown[]> {
    const path = `/v2/key-value-stores/${this.wardrobe.id}`
    const parts = ['', '/access', '/keys', `/records/${inside}`, `/records/${outside}`]
    const tokensOf = (user: string): Promise<string> =>
      this.#seen(`/coatcheck/v1/tokens?user=${user}`, 'admin')
    return Promise.all([
      ...parts.map((part) => this.#seen(path + part, 'jane')),
      ...changing.map((user) => this.#seen('/v2/key-value-stores?unnamed=1', user)),
      ...changing.map(tokensOf),
      this.#seen('/coatcheck/v1/sessions', 'jane'),
      this.#seen('/coatcheck/v1/projects', 'jane'),
      this.#seen(this.#project(), 'jane'),
      this.#seen(this.#project('/seed'), 'jane'),
      this.#seen('/coatcheck/v1/users', 'admin'),
    ])
  }

  /** Restores the wardrobe and the settings of all users to their start. */
  async restore(): Promise<void> {
    const known = this.#wardrobe
    const path = `/v2/key-value-stores/${known?.id ?? 'none'}`
    const { status } = await this.#remote.send(path, { token: this.tokenOf('jane') })
    const wardrobe = known && status === 200 ? known : await this.#createWardrobe(known)
    const { data } = await this.#do(`/v2/key-value-stores/${wardrobe.id}`, {
      method: 'PATCH',
      token: this.tokenOf('jane'),
      json: {
        name: wardrobe.name,
        title: null,
        generalAccess: 'RESTRICTED',
        session: true,
        project: true,
      },
    })
    const { urlSigningSecretKey: secret, channelId } = data
    this.#wardrobe = { ...wardrobe, secret, channelId }
    for (const key of [inside, outside]) await this.#put(key)
    await this.#do(this.#project('/seed'), {
      method: 'PUT',
      token: this.tokenOf('jane'),
      json: { [inside]: 'seed' },
    })
    await this.#restorePeople()
  }

  /** Sets the general access of the store, and the setting of its owner for `follow`. */
  async open(level: string, { setting }: { setting: string }): Promise<void> {
    const token = this.tokenOf('jane')
    const path = `/v2/key-value-stores/${this.wardrobe.id}`
    await this.#do(path, { method: 'PATCH', token, json: { generalAccess: level } })
    await this.#setAccess('jane', setting)
  }

  async #createUser(username: Username): Promise<void> {
    const json = { username }
    const { data } = await this.#asAdmin('/coatcheck/v1/users', { method: 'POST', json })
    this.#tokens.set(username, data.token.token)
  }

  async #createTokens(): Promise<void> {
    const make = async (name: string, user: Username, fields: object): Promise<void> => {
      this.#made.set(name, await this.#createToken(user, fields))
    }
    await make('read', 'jane', { action: 'read' })
    await make('write', 'jane', { action: 'write' })
    await make('expiring', 'jane', { expiresInDays: 1 })
    await make('writers read', 'writer', { action: 'read' })
    await make('expired', 'jane', { expiresInDays: expiringMs / dayMs })
    await this.#expired(this.made('expired'))
    await make('revoked', 'jane', {})
    // Used once, so that the server may have it in its cache.
    await this.#get('/v2/users/me', 'jane', this.made('revoked'))
    await this.#revoke(this.#made.get('revoked'))
  }

  async #expired(token: string): Promise<void> {
    while ((await this.#remote.send('/v2/users/me', { token })).status === 200)
      await sleep(lookAgainMs)
  }

  async #disable(): Promise<void> {
    await this.#get('/v2/users/me', 'gone')
    const json = { isDisabled: true }
    await this.#asAdmin('/coatcheck/v1/users/gone', { method: 'PATCH', json })
  }

  async #createWardrobe(before: Wardrobe | undefined): Promise<Wardrobe> {
    const { prefixRead, prefixWrite, whole, managersPrefix } = before ?? {}
    for (const token of [prefixRead, prefixWrite, whole, managersPrefix]) await this.#revoke(token)
    const name = (await this.#prepare?.(this)) ?? this.fresh()
    const { id, urlSigningSecretKey: secret } = await this.#openStore(name)
    const shares = { reader: 'read', writer: 'write', manager: 'manage', gone: 'manage' }
    await this.#do(`/v2/key-value-stores/${id}/access`, {
      method: 'PATCH',
      token: this.tokenOf('jane'),
      json: { shares },
    })
    const part = { storeId: id, keyPrefix: prefix }
    return {
      id,
      name,
      secret,
      channelId: '',
      prefixRead: await this.#createToken('jane', { ...part, action: 'read' }),
      prefixWrite: await this.#createToken('jane', { ...part, action: 'write' }),
      whole: await this.#createToken('jane', { storeId: id, action: 'manage' }),
      managersPrefix: await this.#createToken('manager', { ...part, action: 'write' }),
    }
  }

  #project(part = ''): string {
    return `/coatcheck/v1/projects/${this.wardrobe.channelId}${part}`
  }

  async #openStore(name: string): Promise<{ id: string; urlSigningSecretKey: string }> {
    const path = `/v2/key-value-stores?name=${name}`
    return (await this.#do(path, { method: 'POST', token: this.tokenOf('jane') })).data
  }

  async #put(key: string): Promise<void> {
    const path = `/v2/key-value-stores/${this.wardrobe.id}/records/${key}`
    await this.#do(path, { method: 'PUT', token: this.tokenOf('jane'), json: { key } })
  }

  async #restorePeople(): Promise<void> {
    const { data } = await this.#asAdmin('/coatcheck/v1/users', {})
    for (const { username, isAdmin, generalAccess } of data.items) {
      if (username === 'target' && isAdmin) {
        const json = { isAdmin: false }
        await this.#asAdmin('/coatcheck/v1/users/target', { method: 'PATCH', json })
      }
      if (generalAccess !== 'RESTRICTED') await this.#setAccess(username, 'RESTRICTED')
    }
    const spare = await this.#remote.send(`/coatcheck/v1/tokens/${this.#spare || 'none'}`, {
      token: this.tokenOf('jane'),
    })
    if (spare.status !== 200) this.#spare = (await this.#createToken('jane', {})).id
  }

  async #setAccess(username: Username | 'owner', generalAccess: string): Promise<void> {
    const token = this.tokenOf(username === 'owner' ? 'admin' : username)
    await this.#do('/coatcheck/v1/me', { method: 'PATCH', token, json: { generalAccess } })
  }

  async #createToken(user: Username, fields: object): Promise<MadeToken> {
    const token = this.tokenOf(user)
    const { data } = await this.#do('/coatcheck/v1/tokens', { method: 'POST', token, json: fields })
    return { id: data.id, text: data.token }
  }

  async #revoke(token: MadeToken | undefined): Promise<void> {
    if (!token) return
    await this.#asAdmin(`/coatcheck/v1/tokens/${token.id}`, { method: 'DELETE' })
  }

  async #seen(path: string, user: Username | 'admin'): Promise<string> {
    const { status, text } = await this.#remote.send(path, { token: this.tokenOf(user) })
    return `${path} ${status} ${JSON.stringify(JSON.parse(text), withoutUse)}`
  }

  #asAdmin(path: string, asked: Asked): ReturnType<Remote['do']> {
    return this.#do(path, { ...asked, token: this.#admin })
  }

  #get(path: string, user: Username | 'admin', token = this.tokenOf(user)): Promise<unknown> {
    return this.#do(path, { token })
  }

  #do(path: string, asked: Asked): ReturnType<Remote['do']> {
    return this.#remote.do(path, asked)
  }
}

const used: readonly string[] = ['accessedAt', 'lastUsedAt', 'stats', 'expiresAt']
const dated: readonly string[] = ['keysPublicUrl', 'recordsPublicUrl']

/** Leaves out fields that depend on time, or that reading changes too. */
function withoutUse(key: string, value: unknown): unknown {
  return used.includes(key) || dated.includes(key) ? undefined : value
}

const nobodysToken = createToken({ randomBytes })

const callers: Readonly<Record<string, (world: World) => Credentials>> = {
  nobody: () => ({}),
  'a wrong token': () => ({ token: nobodysToken }),
  'an expired token': (world) => ({ token: world.made('expired') }),
  'a revoked token': (world) => ({ token: world.made('revoked') }),
  'the token of a disabled user': (world) => ({ token: world.tokenOf('gone') }),
  'another user': (world) => ({ token: world.tokenOf('stranger') }),
  'an admin': (world) => ({ token: world.tokenOf('admin') }),
  'a reader': (world) => ({ token: world.tokenOf('reader') }),
  'a writer': (world) => ({ token: world.tokenOf('writer') }),
  'a manager': (world) => ({ token: world.tokenOf('manager') }),
  'the read token of a writer': (world) => ({ token: world.made('writers read') }),
  'the prefix token of a manager': ({ wardrobe }) => ({ token: wardrobe.managersPrefix.text }),
  'the read token of the owner': (world) => ({ token: world.made('read') }),
  'the write token of the owner': (world) => ({ token: world.made('write') }),
  'the prefix read token of the owner': ({ wardrobe }) => ({ token: wardrobe.prefixRead.text }),
  'the prefix write token of the owner': ({ wardrobe }) => ({ token: wardrobe.prefixWrite.text }),
  'the store token of the owner': ({ wardrobe }) => ({ token: wardrobe.whole.text }),
  "the owner's token of another store": (world) => ({ token: world.made('other') }),
  'the owner': (world) => ({ token: world.tokenOf('jane') }),
  'a token of the owner that expires': (world) => ({ token: world.made('expiring') }),
  'a record link': (world) => ({ signature: world.recordLink() }),
  'a content link': (world) => ({ signature: world.contentLink() }),
  'a link with a wrong signature': (world) => ({ signature: `${world.recordLink()}0` }),
  'a content link that has expired': (world) => ({
    signature: world.contentLink({ expiresAt: 1 }),
  }),
  'a content link of another store': (world) => ({ signature: world.foreignLink() }),
  'a record link with a wrong token': (world) => ({
    token: nobodysToken,
    signature: world.recordLink(),
  }),
}

/** The names of all callers. */
export const callerNames: readonly string[] = Object.keys(callers)
