import { asBuffer } from './bytes.ts'
import type { AtomicWrite, Bytes, EngineLimits } from './engine.ts'
import { EngineError } from './engine.ts'

const stampBytes = 8

/**
 * What every engine refuses before it groups anything: keys and values over its limits, a commit
 * over its limit, an empty key, a key that is written twice.
 * Throws EngineError `refused`. Returns the bytes of the write's keys and values.
 */
export function measureWrite(write: AtomicWrite, limits: EngineLimits): number {
  const meter = new WriteMeter(limits)
  for (const check of write.checks ?? []) meter.add({ key: check.key })
  for (const key of write.deletes ?? []) meter.add({ key, isWrite: true })
  for (const put of write.puts ?? []) {
    meter.add({ key: put.key, value: put.value, stamped: put.stamped === true, isWrite: true })
  }
  for (const sum of write.sums ?? []) meter.add({ key: sum.key, isWrite: true })
  return meter.finish(write)
}

class WriteMeter {
  readonly #limits: EngineLimits
  #bytes = 0
  #writes = 0

  constructor(limits: EngineLimits) {
    this.#limits = limits
  }

  add(part: { key: Bytes; value?: Bytes; stamped?: boolean; isWrite?: boolean }): void {
    const keyBytes = part.key.length + (part.stamped ? stampBytes : 0)
    if (keyBytes === 0 || keyBytes > this.#limits.keyBytesMax) {
      throw new EngineError('refused', `A key of ${keyBytes} bytes is outside the engine's limits.`)
    }
    const valueBytes = part.value?.length ?? 0
    if (valueBytes > this.#limits.valueBytesMax) {
      throw new EngineError('refused', `A value of ${valueBytes} bytes is over the engine's limit.`)
    }
    this.#bytes += keyBytes + valueBytes
    if (part.isWrite) this.#writes += 1
  }

  finish(write: AtomicWrite): number {
    if (this.#bytes > this.#limits.commitBytesMax) {
      throw new EngineError(
        'refused',
        `A commit of ${this.#bytes} bytes is over the engine's limit.`,
      )
    }
    if (this.#writes > 1) refuseRepeatedKeys(write)
    return this.#bytes
  }
}

function refuseRepeatedKeys(write: AtomicWrite): void {
  const seen = new Set<string>()
  const note = (key: Bytes, kind: string): void => {
    const name = kind + asBuffer(key).toString('latin1')
    if (seen.has(name)) throw new EngineError('refused', 'A commit writes one key twice.')
    seen.add(name)
  }
  for (const key of write.deletes ?? []) note(key, 'k')
  for (const put of write.puts ?? []) note(put.key, put.stamped ? 's' : 'k')
  for (const sum of write.sums ?? []) note(sum.key, 'k')
}
