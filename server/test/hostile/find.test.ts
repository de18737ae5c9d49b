import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { createTestFolder } from '../support/data/test-folder.ts'
import { Client } from '../support/network/client.ts'
import { usageOf } from '../support/processes/resource-usage.ts'
import { ServerProcess } from '../support/processes/server-process.ts'

const mebibyte = 1_048_576
const json = { 'Content-Type': 'application/json' }
const connections = 24

it('searches that take long hold a bounded number of bytes, and others are answered', async () => {
  const { url, token, pid } = await ServerProcess.start({ data: createTestFolder() })
  const owner = new Client({ url, token })
  const made = await owner.send({
    method: 'POST',
    path: '/coatcheck/v1/users',
    body: '{"username":"healthy"}',
    headers: json,
  })
  const healthy = new Client({ url, token: JSON.parse(made.body.toString()).data.token.token })
  const own = await healthy.openStore('own')
  await own.put('a', 'needle')
  const hostile = new Client({ url, token }, { connections })
  const values = await hostile.openStore('values')
  const long = gzipSync(JSON.stringify(Array(25_000).fill({ a: ['x'.repeat(30)] })))
  for (let at = 0; at < 30; at += 1) {
    const headers = { ...json, 'Content-Encoding': 'gzip' }
    await owner.send({ method: 'PUT', path: values.recordPath(`${at}`), body: long, headers })
  }
  const find = (client: Client, store: string, wanted: object) => {
    const path = `/v2/key-value-stores/${store}/find`
    return client.send({ method: 'POST', path, body: JSON.stringify(wanted), headers: json })
  }
  const before = usageOf(pid).own
  let most = before
  const statuses = new Set<number>()
  let isOver = false
  const attacks = [
    { path: '$..*[?@.a]', text: 'y' },
    { path: '$', text: 'y' },
    { text: `${'x'.repeat(199)}y` },
  ]
  const attack = Array.from({ length: connections }, async (_, at) => {
    while (!isOver) {
      const wanted = attacks[at % attacks.length] ?? {}
      statuses.add((await find(hostile, values.address, wanted)).status)
      most = Math.max(most, usageOf(pid).own)
    }
  })
  for (let count = 0; count < 3; count += 1) {
    const found = await find(healthy, own.address, { text: 'needle' })
    expect([found.status, JSON.parse(found.body.toString()).data.items.length]).toEqual([200, 1])
    expect((await own.put('b', 'x')).status).toBe(201)
  }
  isOver = true
  await Promise.all(attack)
  expect([...statuses].toSorted()).toEqual([200, 503])
  // All at once would hold 24 parsed values of a mebibyte, each many times as long.
  expect(most - before).toBeLessThan(450 * mebibyte)
  for (const client of [owner, healthy, hostile]) client.close()
}, 120_000)
