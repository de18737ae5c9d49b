import { randomBytes } from 'node:crypto'
import { closeSync, openSync, statfsSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { canMount, mountImage, mountSmallDisk } from './support/data/small-disk.ts'
import { fill, wrongRecords } from './support/load/filling.ts'
import { Client, type RemoteStore } from './support/network/client.ts'
import { checkFolder } from './support/processes/command.ts'
import { ServerProcess } from './support/processes/server-process.ts'

/** All file systems, by `npm run test:long`. */
const isLong = process.env.COATCHECK_DISK_FAULTS === 'all'
const testMsMax = 240_000
const mebibyte = 1_048_576
/** What the server gets of the disk: the journal, the reserve, and some data. */
const roomBytes = 34 * mebibyte
/** What these file systems take for themselves later. */
const ownBytes = { ext4: 0, xfs: 16 * mebibyte, btrfs: 0 } as const
const imageBytes = { ext4: 96 * mebibyte, xfs: 320 * mebibyte, btrfs: 256 * mebibyte } as const
const recordBytes = 1_900
/** Fills most of the disk with few records. */
const largeBytes = 30_000
const roundsMax = 50
const attemptsMax = 60
const attemptMs = 500
const connections = 8

const onDisks = (['ext4', 'xfs', 'btrfs'] as const).filter((type) => {
  if (type !== 'ext4' && !isLong) return false
  if (canMount(type)) return true
  process.stderr.write(`${type} can't be made and mounted here: left out.\n`)
  return false
})
const fileSystems = isLong || onDisks.length === 0 ? (['tmpfs', ...onDisks] as const) : onDisks

describe('a disk without any room', { timeout: testMsMax }, () => {
  it.each(fileSystems)('can be read, emptied and served again on %s', async (type) => {
    const disk = type === 'tmpfs' ? mountSmallDisk(roomBytes).path : mountLarge(type)
    const data = join(disk, 'data')
    const first = await serve(data)
    const other = await first.client.openStore('other')
    await fill(other, { size: recordBytes, connections, puts: 100 })
    const token = await createToken(first.client)
    const { acknowledged } = await fill(first.store, {
      size: largeBytes,
      connections,
      prefix: 'large-',
    })
    takeAllRoom(disk)
    await expectFull(first.store, acknowledged)
    expect((await other.drop()).status).toBe(204)
    expect(await revoke(first.client, token)).toBe(204)
    await first.server.kill()

    const again = await serve(data)
    await expectFull(again.store, acknowledged)
    expect(await again.server.stop()).toBe(0)
    expect(await checkFolder(data)).toMatchObject({ code: 0 })

    const last = await serve(data)
    await deleteAll(last.store, acknowledged)
    await acceptsAgain(last.store)
    expect(await last.server.stop()).toBe(0)
    expect(await checkFolder(data)).toMatchObject({ code: 0 })
  })
})

/** A disk on which a file leaves the server as little room as on the others. */
function mountLarge(type: 'ext4' | 'xfs' | 'btrfs'): string {
  const path = mountImage(type, imageBytes[type])
  const { bavail, bsize } = statfsSync(path)
  const rest = bavail * bsize - roomBytes - ownBytes[type]
  for (let index = 0; rest > index * mebibyte; index += 1) {
    writeFileSync(join(path, `filler-${index}`), randomBytes(mebibyte))
  }
  return path
}

/** Fills the disk to its last byte, as other programs do. */
function takeAllRoom(disk: string): void {
  const file = openSync(join(disk, 'log'), 'w')
  for (let bytes = mebibyte; bytes >= 1; ) {
    try {
      writeSync(file, Buffer.alloc(bytes, 'x'))
    } catch {
      bytes /= 2 // less may still fit
    }
  }
  closeSync(file)
}

async function serve(
  data: string,
): Promise<{ server: ServerProcess; client: Client; store: RemoteStore }> {
  const server = await ServerProcess.start({ data })
  const client = new Client(server, { connections })
  onTestFinished(() => client.close())
  return { server, client, store: await client.openStore('full') }
}

const tokensPath = '/coatcheck/v1/tokens'

async function createToken(client: Client): Promise<string> {
  const body = JSON.stringify({ name: 'lost' })
  const headers = { 'content-type': 'application/json' }
  const reply = await client.send({ method: 'POST', path: tokensPath, body, headers })
  expect(reply.status).toBe(201)
  return JSON.parse(reply.body.toString()).data.id
}

async function revoke(client: Client, token: string): Promise<number> {
  return (await client.send({ method: 'DELETE', path: `${tokensPath}/${token}` })).status
}

/** Puts are refused, reads and deletes work. Takes the deleted keys out of the list. */
async function expectFull(store: RemoteStore, acknowledged: string[]): Promise<void> {
  acknowledged.push(...(await fillUp(store)))
  expect(await wrongRecords(store, acknowledged)).toEqual([])
  await deleteAll(store, acknowledged.splice(-100))
}

/** Puts until all of them are refused: what is moved out of the journal leaves some room. */
async function fillUp(store: RemoteStore): Promise<string[]> {
  const all: string[] = []
  for (let round = 0; round < roundsMax; round += 1) {
    const prefix = `${randomBytes(4).toString('hex')}-`
    const { acknowledged, statuses } = await fill(store, { size: recordBytes, connections, prefix })
    expect(statuses).toContain(507)
    expect(new Set([201, ...statuses])).toEqual(new Set([201, 507]))
    all.push(...acknowledged)
    if (acknowledged.length === 0) return all
  }
  throw new Error('A full disk accepted puts again and again.')
}

async function deleteAll(store: RemoteStore, keys: readonly string[]): Promise<void> {
  const waiting = [...keys]
  const statuses = new Set<number>()
  const work = async (): Promise<void> => {
    for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
      statuses.add((await store.delete(key)).status)
    }
  }
  await Promise.all(Array.from({ length: connections }, work))
  expect(statuses).toEqual(new Set([204]))
}

/** What was deleted is free once the server has moved it out of its journal. */
async function acceptsAgain(store: RemoteStore): Promise<void> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const { status } = await store.put('again', 'there is room')
    if (status === 201) return
    expect(status).toBe(507)
    await wait(attemptMs)
  }
  throw new Error('No put was accepted after everything had been deleted.')
}
