import { membersOf } from '../../../../client/src/json/json-members.ts'
import type { Server } from '../projects/server.ts'
import type { Pairs, PairValues } from './pairs.ts'

/** If all pairs together are longer, only a changed pair is read again, not all. */
const wholeLengthMax = 200_000

/** All pairs of one of the user's own projects, read and written with the owner's token. */
export class OwnedPairs implements Pairs {
  readonly areAll = true
  readonly #server: Server
  readonly #path: string
  /** The last text of all pairs; undefined if single pairs were read since. */
  #text: string | undefined
  #isLong = false
  #values: PairValues = new Map()

  /** `server` sends the owner's token. */
  constructor(server: Server, channelId: string) {
    this.#server = server
    this.#path = `datablock_storage/${encodeURIComponent(channelId)}/`
  }

  async read(changed: ReadonlySet<string> | undefined): Promise<PairValues> {
    this.#values = this.#isLong && changed ? await this.#readThese(changed) : await this.#readAll()
    return this.#values
  }

  async set(key: string, json: string): Promise<void> {
    const asked = { method: 'POST', json: { key, value: json } }
    await this.#server.ask(`${this.#path}set_key_value`, asked)
  }

  async delete(key: string): Promise<void> {
    await this.#server.ask(`${this.#path}delete_key_value`, { method: 'DELETE', json: { key } })
  }

  async #readAll(): Promise<PairValues> {
    const { text } = await this.#server.ask(`${this.#path}get_key_values`)
    if (text === this.#text) return this.#values
    this.#text = text
    this.#isLong = text.length > wholeLengthMax
    return membersOf(text)
  }

  async #readThese(keys: ReadonlySet<string>): Promise<PairValues> {
    const values = new Map(this.#values)
    for (const key of keys) {
      const { text } = await this.#server.ask(`${this.#path}get_key_value`, { query: { key } })
      if (text === 'null') values.delete(key)
      else values.set(key, text)
    }
    this.#text = undefined
    return values
  }
}
