import { type ByteSource, WholeSource } from '../kernel/byte-source.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { whileHeld } from '../records/held-records.ts'
import type { NewRecord } from '../records/record.ts'
import type { Store } from '../stores/store.ts'

export function textRecord(key: string, text: string): NewRecord {
  return {
    key,
    contentType: 'text/plain; charset=utf-8',
    contentEncoding: '',
    source: new WholeSource(Buffer.from(text)),
  }
}

/** A record of any bytes. `source` may be a ByteSource that delivers them in a special way. */
export function bytesRecord(key: string, source: Bytes | ByteSource): NewRecord {
  return {
    key,
    contentType: 'application/octet-stream',
    contentEncoding: '',
    source: source instanceof Uint8Array ? new WholeSource(source) : source,
  }
}

export async function readBytes(store: Store, key: string): Promise<Bytes | undefined> {
  const record = await store.get(key)
  return whileHeld([record], () => record?.value.read())
}

export async function readText(store: Store, key: string): Promise<string | undefined> {
  const bytes = await readBytes(store, key)
  return bytes && Buffer.from(bytes).toString()
}
