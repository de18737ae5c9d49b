import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { encodeNumber, userKey } from '../disk/keyspace.ts'
import type { Caller } from '../identity/caller.ts'
import { fullScope } from '../people/scope.ts'
import type { User } from '../people/users.ts'
import type { Store } from '../stores/store.ts'
import { callerWith, owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { codeOf } from '../testing/outcomes.ts'
import { textRecord } from '../testing/records.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../testing/test-domain.ts'
import { day } from '../testing/times.ts'
import type { Actor } from './actor.ts'
import { type AuditEvent, auditPut, decodeAuditEvent } from './audit.ts'

interface Opened extends TestDomain {
  readonly admin: User
  readonly jane: User
  readonly store: Store
  /** The admin, who uses a token. */
  readonly actor: Actor
  readonly caller: Caller
}

/** A store of Jane, who is not an admin, and an admin who makes changes. */
async function openAudited(): Promise<Opened> {
  const domain = await openTestDomain(new MemoryEngine())
  const admin = await domain.users.create('admin', { isAdmin: true })
  const jane = await domain.users.create('jane', { isAdmin: false })
  const store = await domain.stores.create({ ownerId: jane.id, name: 'coats' })
  const actor = { userId: admin.id, tokenId: '00ff00ff00ff00ff', door: 'coatcheck' } as const
  return { ...domain, admin, jane, store, actor, caller: { ...callerWith(() => undefined), actor } }
}

/** The events that `work` adds to the trails, and the newest revision before it. */
async function written(
  { engine, admin, jane, environment }: Opened,
  work: () => Promise<unknown>,
): Promise<{ of: string; event: AuditEvent }[]> {
  const before = await engine.newerThan(-1, new AbortController().signal)
  environment.advance(1)
  await work()
  const entries = (await entriesOf(engine, 'audit')).filter(({ revision }) => revision > before)
  return entries.map((entry) => {
    const userId = Buffer.from(entry.key.subarray(1, -8)).toString()
    const event = decodeAuditEvent(entry)
    expect(event.revision).toBe(entry.revision)
    return { of: userId === admin.id ? 'admin' : userId === jane.id ? 'jane' : userId, event }
  })
}

type Work = (opened: Opened) => Promise<unknown>
interface Told {
  /** The users whose trails get the event. */
  readonly of: string
  readonly event: Partial<AuditEvent>
}

describe('the audit trail gets an event, in the same commit, for', () => {
  const ofStore = (event: Partial<AuditEvent>): Told => ({
    of: 'jane',
    event: { subject: 'coats', ...event },
  })

  const works: Readonly<Record<string, [Work, Told]>> = {
    'a store that is made': [
      ({ stores, jane, actor }) => stores.create({ ownerId: jane.id, name: 'hats', actor }),
      { of: 'jane', event: { action: 'store-created', subject: 'hats' } },
    ],
    'a store that is opened for the first time': [
      ({ stores, jane, actor }) => stores.open({ ownerId: jane.id, name: 'hats', actor }),
      { of: 'jane', event: { action: 'store-created', subject: 'hats' } },
    ],
    'a new name and title': [
      ({ stores, store, caller }) =>
        stores.update(store.id, { name: 'hats', title: 'Hats' }, caller),
      ofStore({ action: 'store-changed', details: { name: 'hats', title: 'Hats' } }),
    ],
    'a name that is taken away': [
      ({ stores, store, caller }) => stores.update(store.id, { name: null }, caller),
      ofStore({ action: 'store-changed', details: { name: null } }),
    ],
    'a new retention': [
      ({ stores, store, caller }) => stores.update(store.id, { retention: 'none' }, caller),
      ofStore({ action: 'store-changed', details: { retention: 'none' } }),
    ],
    'another general access': [
      ({ stores, store, caller }) =>
        stores.update(store.id, { generalAccess: 'RESTRICTED' }, caller),
      ofStore({ action: 'store-access-changed', details: { generalAccess: 'RESTRICTED' } }),
    ],
    'whom it is shared with': [
      ({ stores, store, caller }) =>
        stores.update(store.id, { shares: { [owner]: 'write' } }, caller),
      ofStore({ action: 'store-access-changed', details: { shares: { [owner]: 'write' } } }),
    ],
    'a signing secret that is reset': [
      ({ stores, store, caller }) => stores.update(store.id, { resetsSigningSecret: true }, caller),
      ofStore({ action: 'store-signing-secret-reset', details: {} }),
    ],
    'a store that is cleared': [
      async ({ stores, store, caller }) => (await stores.find(store.id, caller)).clear(),
      ofStore({ action: 'store-cleared' }),
    ],
    'a store that is dropped': [
      ({ stores, store, caller }) => stores.drop(store.id, caller),
      ofStore({ action: 'store-dropped' }),
    ],
  }

  it.each(Object.entries(works))('%s', async (_, [work, expected]) => {
    const opened = await openAudited()
    const identity = await opened.store.identity()
    const events = await written(opened, () => work(opened))
    expect(events).toMatchObject([expected])
    const [{ event } = { event: undefined }] = events
    const { details } = expected.event
    if (details) expect(event?.details).toEqual(details)
    expect(event).toMatchObject({ actor: opened.actor, at: opened.environment.now() })
    expect(JSON.stringify(event)).not.toContain(identity.signingSecret)
  })

  it('a user who is created or changed: in the trails of that user and of the actor', async () => {
    const opened = await openAudited()
    const { users, jane, actor } = opened
    const made = await written(opened, () => users.create('joe', { isAdmin: false }, actor))
    const joe = await users.getByUsername('joe')
    const creation = { action: 'user-created', subject: 'joe', actor }
    expect(made.map(({ of }) => of).sort()).toEqual(['admin', joe?.id].sort())
    expect(made.map(({ event }) => event)).toMatchObject([creation, creation])
    const disabling = { isDisabled: true }
    const changed = await written(opened, () => users.update(jane.id, disabling, actor))
    const change = { action: 'user-changed', subject: 'jane', actor, details: disabling }
    expect(changed.map(({ of }) => of).sort()).toEqual(['admin', 'jane'])
    expect(changed.map(({ event }) => event)).toMatchObject([change, change])
  })

  it('a token that is created: in the trails of its user and of the actor', async () => {
    const opened = await openAudited()
    const { tokens, jane, actor } = opened
    const wanted = { userId: jane.id, name: 'laptop', expiresAt: undefined, scope: fullScope }
    const events = await written(opened, () => tokens.create(wanted, actor))
    const event = { action: 'token-created', subject: 'laptop', actor }
    expect(events.map(({ of }) => of).sort()).toEqual(['admin', 'jane'])
    expect(events.map((one) => one.event)).toMatchObject([event, event])
  })

  it('a token that is revoked, without its text', async () => {
    const opened = await openAudited()
    const { tokens, jane, actor } = opened
    const scope = { action: 'read', storeId: opened.store.id, keyPrefix: 'a/' } as const
    const expiresAt = opened.environment.now() + 1_000
    const made = await tokens.create({ userId: jane.id, name: 'laptop', expiresAt, scope }, actor)
    const events = await written(opened, () => tokens.revoke(made.token.id, actor))
    const details = { tokenId: made.token.id, scope, expiresAt }
    const event = { action: 'token-revoked', subject: 'laptop', actor, details }
    expect(events.map(({ of }) => of).sort()).toEqual(['admin', 'jane'])
    expect(events.map((one) => one.event)).toMatchObject([event, event])
    for (const { value } of await entriesOf(opened.engine, 'audit')) {
      expect(Buffer.from(value).toString()).not.toContain(made.text)
    }
  })

  it('a change, with the revision that it replaced', async () => {
    const opened = await openAudited()
    const { stores, store, caller, engine } = opened
    const newestStore = async (): Promise<number | undefined> =>
      (await entriesOf(engine, 'store'))[0]?.revision
    const before = await newestStore()
    const events = await written(opened, async () => {
      await stores.update(store.id, { title: 'one' }, caller)
      await (await stores.find(store.id, caller)).clear()
      await stores.drop(store.id, caller)
    })
    const [first, second, third] = events.map(({ event }) => event)
    expect(first?.before).toBe(before)
    expect(second?.before).toBe(first?.revision)
    expect(third?.before).toBe(second?.revision)
    expect([first, second, third].map((event) => event?.storeId)).toEqual(Array(3).fill(store.id))
  })

  it('a changed user, with the revision that was replaced', async () => {
    const opened = await openAudited()
    const { users, jane, actor, engine } = opened
    const before = (await engine.get([userKey(jane.id)]))[0]?.revision
    const events = await written(opened, () => users.update(jane.id, { isAdmin: true }, actor))
    expect(events[0]?.event.before).toBe(before)
  })

  it('what the server itself does when a store expires', async () => {
    const opened = await openAudited()
    const retention = { ttlMs: day, renewOnRead: true, renewOnWrite: true } as const
    for (const onExpiry of ['clear', 'drop'] as const) {
      const wanted = { ownerId: opened.jane.id, name: undefined }
      const made = { ...wanted, retention: { ...retention, onExpiry } }
      await (await opened.stores.create(made)).put(textRecord('a', 'x'))
    }
    const events = await written(opened, () => sweepFor(opened, 2 * day))
    // A store that is cleared has this in its own change log.
    expect(events.map(({ of, event }) => [of, event.action, event.actor, event.details])).toEqual([
      ['jane', 'store-expired', undefined, undefined],
    ])
    expect(await entriesOf(opened.engine, 'record')).toEqual([])
  })

  it('the expiry of many stores, as one event for up to 100 of them', async () => {
    const opened = await openAudited()
    const retention = {
      ttlMs: day,
      renewOnRead: true,
      renewOnWrite: true,
      onExpiry: 'drop',
    } as const
    const wanted = { ownerId: opened.jane.id, name: undefined, retention }
    for (let count = 0; count < 120; count += 1) await opened.stores.create(wanted)
    const events = await written(opened, () => sweepFor(opened, 2 * day))
    expect(events.map(({ event }) => event.subject)).toEqual(['100 stores', '20 stores'])
    const named = events.flatMap(({ event }) => Object(event.details).stores)
    expect(new Set(named).size).toBe(120)
  })

  it('nothing that was refused or changed nothing', async () => {
    const opened = await openAudited()
    const { stores, store, tokens, users, admin, jane, actor, caller } = opened
    const refused = [
      () => stores.create({ ownerId: jane.id, name: 'coats', actor }),
      () => stores.update(store.id, { name: 'a b' }, caller),
      () => stores.update(store.id, { shares: { [jane.id]: 'read' } }, caller),
      () => stores.drop('x'.repeat(17), caller),
      () => tokens.revoke('0'.repeat(16), actor),
      () => tokens.create({ userId: jane.id, name: '', expiresAt: 0, scope: fullScope }, actor),
      () => users.create('jane', { isAdmin: true }, actor),
      () => users.update(admin.id, { isAdmin: false }, actor),
    ]
    const events = await written(opened, async () => {
      const codes = await Promise.all(refused.map((work) => codeOf(work())))
      expect(codes).not.toContain('none')
      await stores.open({ ownerId: jane.id, name: 'coats', actor })
    })
    expect(events).toEqual([])
  })
})

describe('an event', () => {
  it('is read as it was written, with the revision that the engine appends to its key', () => {
    const event = {
      action: 'store-changed',
      subject: 'Läden 🧥',
      at: 5,
      actor: { userId: owner, tokenId: '', door: 'cli' },
      storeId: 'store000000000001',
      before: 7,
      details: { title: null },
    } as const
    const put = auditPut(owner, event)
    expect([Buffer.from(put.key).toString(), put.stamped]).toEqual([`b${owner}`, true])
    const key = Buffer.concat([put.key, encodeNumber(9)])
    const read = decodeAuditEvent({ key, value: put.value, revision: 9 })
    expect(read).toEqual({ ...event, revision: 9 })
  })

  it('has no actor if the server itself made the change', async () => {
    const opened = await openAudited()
    const { stores, store } = opened
    const events = await written(opened, () => stores.update(store.id, { title: 'x' }))
    expect(events).toHaveLength(1)
    expect(events[0]?.event.actor).toBeUndefined()
  })
})
