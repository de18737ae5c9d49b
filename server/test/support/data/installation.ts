import { createHash } from 'node:crypto'
import { ApifyClient } from 'apify-client'
import { patternBytes } from '../../../src/core/testing/pattern-bytes.ts'
import { Client } from '../network/client.ts'
import { People } from '../people/people.ts'

/** A server, and a token with all rights. */
interface Served {
  readonly url: string
  readonly token: string
}

/** The reply of the server for one record, page or user. */
interface Seen {
  readonly status: number
  readonly etag: string | undefined
  readonly type: string | undefined
  readonly digest: string
}

interface Watched {
  /** Without the server's address. */
  readonly path: string
  /** '' for no token. */
  readonly token: string
}

interface Filled {
  readonly key: string
  readonly value: string | Buffer | Record<string, string | number>
  readonly contentType: string
}

/** Values below and above the sizes at which the storage changes. */
const records: readonly Filled[] = [
  { key: 'json', value: { number: 12, text: 'ä' }, contentType: 'application/json' },
  { key: 'text', value: 'a text', contentType: 'text/plain; charset=utf-8' },
  { key: 'long-text', value: 'a text that is long. '.repeat(500), contentType: 'text/plain' },
  { key: 'empty', value: Buffer.alloc(0), contentType: 'image/png' },
  ...[2_048, 2_049, 1_048_576, 1_048_577, 3_000_000].map((size) => ({
    key: `bytes-${size}`,
    value: patternBytes(size),
    contentType: 'application/octet-stream',
  })),
  { key: "beta!-_.'()", value: 'an odd key', contentType: 'text/plain' },
]

/**
 * Users, tokens, stores and records of all kinds, made through apify-client. `seenAt` reads them
 * from any server that has the same data.
 */
export class Installation {
  readonly token: string
  readonly storeId: string
  readonly #watched: readonly Watched[]

  private constructor(parts: { token: string; storeId: string; watched: readonly Watched[] }) {
    this.token = parts.token
    this.storeId = parts.storeId
    this.#watched = parts.watched
  }

  static async fill({ url, token }: Served): Promise<Installation> {
    const client = new ApifyClient({ baseUrl: url, publicBaseUrl: url, token, maxRetries: 0 })
    const people = new People({ url, token })
    const named = await client.keyValueStores().getOrCreate('photos')
    const unnamed = await client.keyValueStores().getOrCreate()
    const photos = client.keyValueStore(named.id)
    for (const { value, ...record } of records) {
      await photos.setRecord({ ...record, value: 'is replaced' })
      // The client accepts bytes too, but its types do not say so.
      await photos.setRecord({ ...record, value: value as never })
    }
    await photos.setRecord({ key: 'gone', value: 'gone' })
    await photos.deleteRecord('gone')
    await client.keyValueStore(unnamed.id).setRecord({ key: 'text', value: 'unnamed' })
    const link = new URL(await photos.getRecordPublicUrl('text'))
    const owner = { id: 'me', username: 'owner', token }
    const jane = await people.create('jane')
    await people.share(owner, named.id, { [jane.id]: 'read' })
    const scoped = await people.createToken(owner, { action: 'read', storeId: unnamed.id })
    const revoked = await people.createToken(owner, { name: 'revoked' })
    await people.revoke(owner, revoked)
    const store = (id: string): string => `/v2/key-value-stores/${id}`
    const text = (id: string): string => `${store(id)}/records/text`
    const watched = [
      ...records.map(({ key }) => ({ path: `${store(named.id)}/records/${key}`, token })),
      { path: `${store(named.id)}/records/gone`, token },
      { path: `${store(named.id)}/keys`, token },
      { path: text(unnamed.id), token },
      { path: link.pathname + link.search, token: '' },
      { path: text(named.id), token: '' },
      { path: text(named.id), token: jane.token },
      { path: text(unnamed.id), token: jane.token },
      { path: text(named.id), token: scoped.token },
      { path: text(unnamed.id), token: scoped.token },
      { path: '/v2/users/me', token: jane.token },
      { path: '/v2/users/me', token: revoked.token },
    ]
    return new Installation({ token, storeId: named.id, watched })
  }

  /** The replies of a server to each caller. */
  async seenAt(url: string): Promise<Record<string, Seen>> {
    const seen: Record<string, Seen> = {}
    for (const [index, { path, token }] of this.#watched.entries()) {
      seen[`${index}: ${path}`] = await look(url, { path, token })
    }
    return seen
  }
}

async function look(url: string, { path, token }: Watched): Promise<Seen> {
  const client = new Client({ url, token })
  const { status, headers, body } = await client.send({ method: 'GET', path })
  client.close()
  // Links contain the server's address.
  const text = body.toString('latin1').replaceAll(url, '')
  return {
    status,
    etag: headers.etag,
    type: headers['content-type'],
    digest: createHash('sha256').update(text).digest('hex'),
  }
}
