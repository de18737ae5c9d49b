import { beforeAll, describe, expect, it } from 'vitest'
import { useSeveralServers } from '../../support/data/several-servers.ts'
import { sharedEngines } from '../../support/data/shared-data.ts'
import { type Answered, Remote } from '../../support/network/remote.ts'
import { ApplabProject, refusalOf } from '../../support/pages/applab-project.ts'

const pages = 30

describe.each(sharedEngines)('pages of one project on two servers, on %s', (engine) => {
  const servers = useSeveralServers(engine)
  let project: ApplabProject

  beforeAll(async () => {
    const { url } = servers().at(0)
    const rules = [
      { key: 'best', preset: 'only-raise' },
      { key: 'winner', preset: 'write-once' },
      { key: 'chat', preset: 'append-only' },
    ]
    project = await ApplabProject.create({ url, token: servers().token }, { rules })
  })

  /** Sends a request to the server at `index`, modulo their number. */
  function send(index: number, call: string, asked: object = {}): Promise<Answered> {
    const path = `/datablock_storage/${project.channelId}/${call}`
    return new Remote(servers().at(index).url).send(path, asked)
  }

  function set(index: number, key: string, value: unknown): Promise<Answered> {
    const json = { key, value: JSON.stringify(value) }
    return send(index, 'set_key_value', { method: 'POST', json })
  }

  it('raise one high score at once: the highest is stored', async () => {
    for (let round = 0; round < 3; round += 1) {
      const scores = Array.from({ length: pages }, (_, n) => round * pages + ((n * 7) % pages))
      const replies = await Promise.all(scores.map((score, n) => set(n, 'best', score)))
      expect(await project.get('best')).toBe(Math.max(...scores))
      const refused = replies.filter(({ status }) => status !== 200)
      for (const reply of refused) {
        expect(refusalOf(reply)).toEqual({ status: 403, type: 'ONLY_RAISE' })
      }
    }
  })

  it('set a write-once value at once: only one of them does', async () => {
    const names = Array.from({ length: pages }, (_, n) => n)
    const replies = await Promise.all(names.map((name) => set(name, 'winner', name)))
    const winners = names.filter((name) => replies[name]?.status === 200)
    expect(winners).toHaveLength(1)
    expect(await project.get('winner')).toBe(winners[0])
  })

  it('add to one list with retries: no line is lost', async () => {
    const add = async (line: number): Promise<void> => {
      for (;;) {
        const read = await send(line + 1, 'get_key_value?key=chat')
        const list: number[] = JSON.parse(read.text) ?? []
        if ((await set(line, 'chat', [...list, line])).status === 200) return
      }
    }
    const lines = Array.from({ length: 10 }, (_, n) => n)
    await Promise.all(lines.map(add))
    const list: number[] = await project.get('chat')
    expect(list.toSorted((a, b) => a - b)).toEqual(lines)
  })

  it('follow settings that were changed through the other server', async () => {
    expect((await send(1, 'get_key_value?key=best')).status).toBe(200)
    await project.change({ isOpen: false })
    const closed = await send(1, 'get_key_value?key=best')
    expect(refusalOf(closed)).toEqual({ status: 401, type: 'PAGE_KEY_MISSING' })
    const headers = { 'X-Page-Key': project.pageKey }
    expect((await send(1, 'get_key_value?key=best', { headers })).status).toBe(200)
    await project.change({ isOpen: true, rules: [{ prefix: '', preset: 'read-only' }] })
    expect(refusalOf(await set(1, 'new', 1))).toEqual({ status: 403, type: 'READ_ONLY' })
  })

  it('keep the ids that the other server gave', async () => {
    const given = await send(0, 'user_id')
    const headers = { 'X-Page-User': given.headers.get('x-page-user') ?? '' }
    const asked = await send(1, 'user_id', { headers })
    expect([asked.text, asked.headers.get('x-page-user')]).toEqual([given.text, null])
  })
})
