import { expect, it } from 'vitest'
import { createTestFolder } from '../support/data/test-folder.ts'
import { Client } from '../support/network/client.ts'
import { usageOf } from '../support/processes/resource-usage.ts'
import { ServerProcess } from '../support/processes/server-process.ts'

const mebibyte = 1_048_576
const headers = { 'Content-Type': 'application/vnd.coatcheck.update+json' }
const keys = Array.from({ length: 40 }, (_, at) => `long-${at}`)

it('updates of many long values hold a bounded number of bytes, and others are answered', async () => {
  const { url, token, pid } = await ServerProcess.start({ data: createTestFolder() })
  const owner = new Client({ url, token })
  const json = { 'Content-Type': 'application/json' }
  const made = await owner.send({
    method: 'POST',
    path: '/coatcheck/v1/users',
    body: '{"username":"healthy"}',
    headers: json,
  })
  const healthy = new Client({ url, token: JSON.parse(made.body.toString()).data.token.token })
  const counts = await healthy.openStore('counts')
  const hostile = new Client({ url, token }, { connections: keys.length })
  const values = await hostile.openStore('values')
  const long = JSON.stringify(['x'.repeat(4 * mebibyte - 1_000)])
  for (const key of keys) {
    const path = values.recordPath(key)
    await owner.send({ method: 'PUT', path, body: long, headers: json })
  }
  const before = usageOf(pid).own
  let most = before
  const statuses = new Set<number>()
  let isOver = false
  const attack = keys.map(async (key) => {
    while (!isOver) {
      const body = '{"op":"append","item":1,"keepLast":2}'
      const path = values.recordPath(key)
      statuses.add((await hostile.send({ method: 'PATCH', path, body, headers })).status)
      most = Math.max(most, usageOf(pid).own)
    }
  })
  for (let count = 1; count <= 5; count += 1) {
    const path = counts.recordPath('count')
    const reply = await healthy.send({ method: 'PATCH', path, body: '{"op":"increment"}', headers })
    expect([reply.status, reply.body.toString()]).toEqual([200, String(count)])
  }
  isOver = true
  await Promise.all(attack)
  expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([])
  expect(statuses).toContain(200)
  // All of them at once would hold 40 times 16 MiB; half the room is for one user.
  expect(most - before).toBeLessThan(450 * mebibyte)
  for (const client of [owner, healthy, hostile]) client.close()
}, 120_000)
