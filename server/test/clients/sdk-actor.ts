// An Actor that keeps everything in one store of the server. apify-sdk.test.ts runs it in its own
// process, because the SDK reads its settings from the environment once. It prints its results as
// JSON.
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { Actor, type KeyValueStore } from 'apify'

const pageOfKeys = 1_000
const bytes = randomBytes(2_500_000)

await Actor.init()
const store = await Actor.openKeyValueStore('of-the-sdk', { forceCloud: true })
const again = await Actor.openKeyValueStore('of-the-sdk', { forceCloud: true })
const seen = {
  id: store.id,
  name: store.name,
  isSameAgain: again.id === store.id,
  values: await writeAndRead(store),
  keys: await manyKeys(store),
  publicUrl: store.getPublicUrl('json'),
}
await store.drop()
console.log(JSON.stringify({ ...seen, refusal: await refusalOf(store) }))
await Actor.exit({ exit: false })

async function writeAndRead(opened: KeyValueStore): Promise<Record<string, unknown>> {
  const asBytes = { contentType: 'application/octet-stream' }
  await opened.setValue('json', { hello: 'world', list: [1, null, 'ů'] })
  await opened.setValue('text', 'Žluťoučký kůň 🐎', { contentType: 'text/plain; charset=utf-8' })
  await opened.setValue('long', { text: 'long '.repeat(20_000) })
  await opened.setValue('buffer', bytes, asBytes)
  const parts = [bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000)]
  // The SDK accepts streams, but its types name buffers only.
  await opened.setValue('stream', Readable.from(parts) as unknown as Buffer, asBytes)
  await opened.setValue('gone', 1)
  await opened.setValue('gone', null)
  const long = await opened.getValue<{ text: string }>('long')
  return {
    json: await opened.getValue('json'),
    text: await opened.getValue('text'),
    longLength: long?.text.length,
    isBufferWhole: bytes.equals((await opened.getValue<Buffer>('buffer')) ?? Buffer.alloc(0)),
    isStreamWhole: bytes.equals((await opened.getValue<Buffer>('stream')) ?? Buffer.alloc(0)),
    gone: await opened.getValue('gone'),
    missing: await opened.getValue('missing', 'a default'),
    exists: [await opened.recordExists('json'), await opened.recordExists('missing')],
  }
}

/** Stores more keys than one page holds, and lists all keys. */
async function manyKeys(opened: KeyValueStore): Promise<Record<string, unknown>> {
  const names = Array.from({ length: pageOfKeys + 50 }, (_, at) => `many-${at + 10_000}`)
  while (names.length > 0) {
    await Promise.all(names.splice(0, 50).map((name) => opened.setValue(name, name)))
  }
  const keys: string[] = []
  await opened.forEachKey((key) => void keys.push(key))
  const behind: string[] = []
  await opened.forEachKey((key) => void behind.push(key), { exclusiveStartKey: 'many-11047' })
  const prefixed: string[] = []
  await opened.forEachKey((key) => void prefixed.push(key), { prefix: 'many-1000' })
  const isInOrder = keys.every((key, at) => at === 0 || (keys[at - 1] ?? '') < key)
  return { count: keys.length, isInOrder, behind, prefixed: prefixed.length }
}

async function refusalOf(dropped: KeyValueStore): Promise<string> {
  try {
    await dropped.setValue('json', 1)
    return 'none'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
