import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import {
  EngineError,
  type KeyRange,
  type Page,
  type ScanBound,
} from '../../../src/core/engine/engine.ts'
import type { Patience, Turn } from '../../../src/core/kernel/key-queue.ts'
import { MemoryEngine } from '../../../src/engines/memory.ts'
import { GatedEngine } from '../../support/data/gated-engine.ts'
import { createTestFolder } from '../../support/data/test-folder.ts'
import { NemesisSession, openSocket } from '../../support/network/nemesis-session.ts'
import { Remote } from '../../support/network/remote.ts'
import { startTestServer } from '../../support/network/test-server.ts'

const turnsMax = 40

/** Lets nobody wait for longer than some turns of the event loop, as PostgreSQL's some seconds. */
class ImpatientEngine extends GatedEngine {
  readonly patience: Patience = {
    during: async (work) => {
      const turn = { isOver: false, begin: () => undefined }
      return Promise.race([work(turn), overdue(turn)])
    },
  }
}

async function overdue(turn: { isOver: boolean } & Turn): Promise<never> {
  for (let left = turnsMax; left > 0; left -= 1) await new Promise(setImmediate)
  turn.isOver = true
  throw new EngineError('unavailable', 'This took too long.')
}

it('a load of a dump may take longer than one answer of the storage', async () => {
  const folder = createTestFolder()
  const place = join(folder, 'long', '1')
  await mkdir(join(place, 'md'), { recursive: true })
  await mkdir(join(place, 'data'))
  await writeFile(join(place, 'md', 'md.json'), '{"status":1}')
  // A token that comes twice makes the load wait for its first session: so they come one by one.
  const sessions = Array.from({ length: 40 }, (_, index) => {
    const token = index >> 1
    return `{"sh":{"tkn":${token},"shared":false},"keys":{"a":${token}}}`
  })
  await writeFile(join(place, 'data', '0'), `[${sessions}]`)
  const engine = new ImpatientEngine()
  const settings = { nemesisPort: 0, nemesisSaveDir: folder }
  const server = await startTestServer(settings, { open: async () => engine })
  onTestFinished(() => server.close())
  const client = await openSocket(server.nemesisUrl)
  expect(await client.command('SH_LOAD', { names: ['long'] })).toEqual({
    long: { m: '', sessions: 20, keys: 20, st: 143 },
  })
})

/** Runs `between` once, after a scan that did not read all. */
class PagedEngine extends MemoryEngine {
  between: (() => Promise<void>) | undefined
  #hasMore = false

  override async scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    const { between } = this
    if (this.#hasMore && between) {
      this.between = undefined
      await between()
    }
    const page = await super.scan(range, bound)
    this.#hasMore = page.more
    return page
  }
}

it('a save fails if a session ends when half of its values are written', async () => {
  const engine = new PagedEngine()
  const server = await startTestServer({ nemesisPort: 0 }, { open: async () => engine })
  onTestFinished(() => server.close())
  const session = await NemesisSession.open(server.nemesisUrl)
  const keys = Object.fromEntries(Array.from({ length: 1_500 }, (_, index) => [`${index}`, index]))
  await session.command('KV_SET', { keys })
  const { token } = server
  const remote = new Remote(server.url)
  const { data } = await remote.do('/coatcheck/v1/sessions', { token })
  const path = `/coatcheck/v1/sessions/${data.items[0].storeId}`
  // Between the first page of its keys and the second one.
  engine.between = async () => {
    await remote.do(path, { method: 'DELETE', token })
  }
  await session.client.ask({ SH_SAVE: { name: 'half' } })
  expect(JSON.parse(await session.client.receive())).toEqual({
    SH_SAVE_RSP: { name: 'half', st: 123, m: expect.stringContaining('ended') },
  })
  expect(await session.client.command('SH_LOAD', { names: ['half'] })).toMatchObject({ st: 142 })
})
