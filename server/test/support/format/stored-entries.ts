import { encodeCopyMark } from '../../../src/core/disk/copy-mark.ts'
import { encodeGarbage } from '../../../src/core/disk/garbage.ts'
import * as keyspace from '../../../src/core/disk/keyspace.ts'
import { walk } from '../../../src/core/disk/walk.ts'
import { encodeCounter } from '../../../src/core/engine/counter.ts'
import type { Entry } from '../../../src/core/engine/engine.ts'
import { NamedRequest } from '../../../src/core/idempotency/named-request.ts'
import { encodeActivity } from '../../../src/core/identity/activity.ts'
import { system } from '../../../src/core/identity/caller.ts'
import type { Bytes } from '../../../src/core/kernel/bytes.ts'
import { changePut, changesPut } from '../../../src/core/log/change.ts'
import { patternBytes } from '../../../src/core/testing/pattern-bytes.ts'
import { bytesRecord, textRecord } from '../../../src/core/testing/records.ts'
import { openTestDomain, type TestDomain } from '../../../src/core/testing/test-domain.ts'
import { day, settle } from '../../../src/core/testing/times.ts'
import { encodeInfo } from '../../../src/core/values/record-info.ts'
import { MemoryEngine } from '../../../src/engines/memory.ts'

const id = 'store000000000001'
const inner = Buffer.alloc(keyspace.innerIdBytes, 7)
const digest = Buffer.alloc(32, 9)
const store = { ownerId: 'owner000000000001', createdAt: 1_767_225_600_000.001, id }
const named = { named: true }
const unnamed = { named: false }

/** Every key and every encoding of bytes, of inputs that never change: a name and the bytes. */
export function exactEncodings(): readonly string[] {
  const actor = { userId: store.ownerId, tokenId: '00ff00ff00ff00ff', door: 'cli' } as const
  const change = { kind: 'put', key: 'é', size: 5, at: 1_767_225_600_000 } as const
  const info = { contentType: 'text/plain', contentEncoding: 'gzip', size: 3, modifiedAt: 12 }
  const activity = { expiresAt: 1, modifiedAt: 2, accessedAt: 3, reads: 4, writes: 5, deletes: 6 }
  const { ownerId } = store
  const encoded: readonly (readonly [name: string, bytes: Bytes])[] = [
    ['format', keyspace.formatKey],
    ['clock', keyspace.clockKey],
    ['user', keyspace.userKey(ownerId)],
    ['username', keyspace.usernameKey('Jane')],
    ['token', keyspace.tokenKey(digest)],
    ['tokenUse', keyspace.tokenUseKey(digest)],
    ['instance', keyspace.instanceKey(digest.subarray(0, 8))],
    ['store', keyspace.storeKey(id)],
    ['activity', keyspace.activityKey(id)],
    ['schema', keyspace.schemaKey(id)],
    ['seed', keyspace.seedKey(id)],
    ['name', keyspace.nameKey(ownerId, 'name')],
    ...keyspace.ownedKeys(store, unnamed).map((key) => ['owned', key] as const),
    ...keyspace.ownedKeys(store, named).map((key) => ['ownedNamed', key] as const),
    ['shared', keyspace.sharedKey(ownerId, id)],
    ['session', keyspace.sessionKey(ownerId, 2n ** 63n)],
    ['project', keyspace.projectKey('channel')],
    ['ownedProject', keyspace.ownedProjectKey(store)],
    ['expiry', keyspace.expiryKey(1_767_225_600_000, id)],
    ['record', keyspace.recordKey(inner, 'é')],
    ['chunk', keyspace.chunkKey(inner, 258)],
    ['lease', keyspace.leaseKey(inner)],
    ['garbage', keyspace.garbageKey(1_767_225_600_000, inner)],
    ['garbageTotal', keyspace.garbageTotalKey],
    ['change', keyspace.changeKey(id)],
    ['changesTrimmed', keyspace.changesTrimmedKey(id)],
    ['audit', keyspace.auditKey(ownerId)],
    ['counter', keyspace.counterKey(id, 'records')],
    ['counter', keyspace.counterKey(id, 'bytes')],
    ['ownerCounter', keyspace.ownerCounterKey(ownerId, 'stores')],
    ['ownerCounter', keyspace.ownerCounterKey(ownerId, 'named')],
    ['idempotency', keyspace.idempotencyKey(1_767_225_600_000, digest.subarray(0, 16))],
    ['= number', keyspace.encodeNumber(2 ** 53 - 1)],
    ['= counter', encodeCounter(-2n)],
    ['= activity', encodeActivity({ ...activity, lists: 7, by: digest.subarray(0, 8) })],
    ['= garbage', encodeGarbage({ kind: 'value', bytes: 0 })],
    ['= garbage', encodeGarbage({ kind: 'content', bytes: 1_234 })],
    ['= change', changePut(id, change).value],
    ['= change', changePut(id, { ...change, kind: 'expire', actor, before: 2 ** 40 }).value],
    ['= changes', changesPut(id, { at: 1, actor, changes: [change, change] }).value],
    ['= info', encodeInfo({ ...info, jsonState: 'sound', place: inlinePlace })],
    ['= info', encodeInfo({ ...info, jsonState: 'unsound', place: chunksPlace })],
    ['= copy mark', encodeCopyMark(copyMark)],
  ]
  return encoded.map(([name, bytes]) => `${name} ${Buffer.from(bytes).toString('hex')}`)
}

const inlinePlace = { kind: 'inline', bytes: Buffer.from('abc') } as const
const chunksPlace = { kind: 'chunks', valueId: inner } as const
const copyMark = {
  origin: { format: '{}', newest: 5 },
  totals: { entries: 1, bytes: 2 },
  skipped: 0,
  copied: { entries: 0, bytes: 0 },
  behind: Buffer.from('b'),
}

/**
 * The form of each kind of entry that a server stores: JSON with types in place of its values, or
 * the number of bytes. Ids and times differ from run to run of a later version, the form does not.
 */
export async function storedForms(): Promise<readonly string[]> {
  const engine = new MemoryEngine()
  await fill(await openTestDomain(engine))
  const entries = await Array.fromAsync(walk(engine, keyspace.everyKey))
  return [...new Set(entries.map(formOf))].sort()
}

function formOf({ key, value, isCounter }: Entry): string {
  const kind = keyspace.kindOf(key) ?? 'unknown'
  return `${kind} ${isCounter ? 'a counter' : valueForm(Buffer.from(value))}`
}

function valueForm(value: Buffer): string {
  const text = value.toString('utf8')
  if (!/^[[{]/.test(text)) return value.length > 200 ? 'many bytes' : `${value.length} bytes`
  return JSON.stringify(typesOf(JSON.parse(text)))
}

function typesOf(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(typesOf)
  if (typeof json !== 'object' || json === null) return json === null ? null : typeof json
  return Object.fromEntries(
    Object.entries(json).map(([name, member]) => [
      /^[a-zA-Z0-9]{17}$/.test(name) ? 'id' : name,
      name === 'action' || name === 'version' ? member : typesOf(member),
    ]),
  )
}

async function fill(domain: TestDomain): Promise<void> {
  const { stores, users, tokens, engine, environment } = domain
  await users.createFirst('a first token of 32 characters or more')
  const [owner] = await users.list()
  const ownerId = owner?.id ?? ''
  const jane = await users.create('Jane', { isAdmin: false }, undefined)
  const actor = { userId: ownerId, tokenId: '00ff00ff00ff00ff', door: 'apify' } as const
  const schema = Buffer.from('{"type":"object"}')
  const kept = await stores.create({ ownerId, name: 'named', schema, actor })
  await kept.put(textRecord('old', 'value'))
  // The changes until now are trimmed.
  environment.advance(8 * day)
  await domain.sweeper.sweep()
  const scope = { action: 'read', storeId: undefined, keyPrefix: undefined } as const
  const expiresAt = environment.now() + day
  const { token } = await tokens.create({ userId: jane.id, name: 'job', expiresAt, scope }, actor)
  await tokens.noteUse(token.id)
  await kept.put(textRecord('short', 'value'))
  await kept.put(bytesRecord('long', patternBytes(5_000)))
  await kept.put(bytesRecord('long', patternBytes(5_001)))
  const request = new NamedRequest({ scope: 'someone', name: 'name', parts: [] })
  await kept.delete('old', undefined, request)
  await stores.update(kept.id, { shares: { [jane.id]: 'write' }, title: 'Title' })
  await stores.create({ ownerId, name: undefined })
  await addAddressed(domain, { ownerId, actor })
  await settle()
  const lease = { key: keyspace.leaseKey(inner), value: keyspace.encodeNumber(1) }
  await engine.commit({ puts: [lease] })
}

/** A session and a project. */
async function addAddressed(
  { sessions, projects }: TestDomain,
  by: {
    ownerId: string
    actor: { userId: string; tokenId: string; door: 'apify' }
  },
): Promise<void> {
  await sessions.create({ ...by, label: 'label', retention: 'default', sharedToken: 12n })
  const game = await projects.create({ ...by, name: 'My game', isOpen: true })
  await projects.setSeed(game.store.id, [{ key: 'score', json: '1' }], system)
}
