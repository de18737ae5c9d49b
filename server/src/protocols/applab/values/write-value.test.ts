import { describe, expect, it } from 'vitest'
import { system } from '../../../core/identity/caller.ts'
import { identityWith, owner } from '../../../core/testing/callers.ts'
import { openTestDomain } from '../../../core/testing/test-domain.ts'
import { MemoryEngine } from '../../../engines/memory.ts'
import { Query } from '../../rest/query.ts'
import { pageErrorOf } from '../page/errors.ts'
import { Page } from '../page/page.ts'
import { writeAsPage } from './write-value.ts'

const write = { key: 'k', text: '1', condition: undefined, request: undefined }

/** A page in the middle of a call: its project has let it in. */
async function letIn() {
  const domain = await openTestDomain(new MemoryEngine())
  const wanted = { ownerId: owner, name: 'Game', isOpen: true, actor: undefined }
  const { project, store: own } = await domain.projects.create(wanted)
  const page = new Page(
    { request: { header: () => undefined }, query: new Query('') },
    { right: 'use' },
  )
  const store = await domain.stores.find(own.id, page.caller)
  await store.identity()
  /** A check in the background that sees the closed project before the write does. */
  const seeClosed = (): void => {
    const closed = identityWith({ id: own.id, project: { ...project, isOpen: false } })
    expect(() => page.caller.assert(closed, 'RESTRICTED')).toThrow('page key')
    expect(page.identity).toBeUndefined()
  }
  return { domain, page, store, own, seeClosed }
}

describe('a write of a page that a check in the background has just refused', () => {
  it('is refused with the reason', async () => {
    const { domain, page, store, own, seeClosed } = await letIn()
    await domain.projects.update(own.id, { isOpen: false }, system)
    seeClosed()
    const refusal: unknown = await writeAsPage(store, page, write).catch((error) =>
      pageErrorOf(error),
    )
    expect(refusal).toMatchObject({ status: 401, type: 'PAGE_KEY_MISSING' })
    expect(await own.get('k')).toBeUndefined()
  })

  it('succeeds if the page is let in again by then', async () => {
    const { page, store, own, seeClosed } = await letIn()
    seeClosed()
    await writeAsPage(store, page, write)
    expect((await own.get('k'))?.size).toBe(1)
  })
})
