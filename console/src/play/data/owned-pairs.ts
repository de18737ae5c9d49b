import { membersOf } from '../../../../client/src/json/json-members.ts'
import type { Server } from '../projects/server.ts'
import type { Pairs, PairValues } from './pairs.ts'

/** What is longer is not read anew for one key that changed. */
const wholeLengthMax = 200_000

/** All pairs of a project of one's own, as its owner's token may read and write them. */
export class OwnedPairs implements Pairs {
  readonly areAll = true
  readonly #server: Server
  readonly #path: string
  /** All pairs as they were read last; undefined where single ones were read since. */
  #text: string | undefined
  #isLong = false
  #values: PairValues = new Map()

  /** `server` is asked with the owner's token. */
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
