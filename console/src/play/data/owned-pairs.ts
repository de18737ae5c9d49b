import { membersOf } from '../../../../client/src/json/json-members.ts'
import type { Server } from '../projects/server.ts'
import { type Ask, writeIfSeen } from './careful-write.ts'
import type { ChangesAddress, Pairs, PairValues, SeenPair } from './pairs.ts'

/** If all pairs together are longer, only a changed pair is read again, not all. */
const wholeLengthMax = 200_000

/** All pairs of one of the user's own projects, read and written with the owner's token. */
export class OwnedPairs implements Pairs {
  readonly areAll = true
  readonly pauseMs = 1_000
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

  get changes(): ChangesAddress {
    return this.#server.streamOf(`${this.#path}changes`, [['who', '1']])
  }

  async read(changed: ReadonlySet<string> | undefined): Promise<PairValues> {
    this.#values = this.#isLong && changed ? await this.#readThese(changed) : await this.#readAll()
    return this.#values
  }

  async set(pair: SeenPair, json: string): Promise<void> {
    const sent = { key: pair.key, value: json }
    await writeIfSeen(this.#ask, pair, (headers) =>
      this.#ask('set_key_value', { method: 'POST', json: sent, headers }),
    )
  }

  async delete(pair: SeenPair): Promise<void> {
    const sent = { key: pair.key }
    await writeIfSeen(this.#ask, pair, (headers) =>
      this.#ask('delete_key_value', { method: 'DELETE', json: sent, headers }),
    )
  }

  readonly #ask: Ask = (action, asked) => this.#server.ask(this.#path + action, asked)

  async #readAll(): Promise<PairValues> {
    const { text } = await this.#ask('get_key_values', {})
    if (text === this.#text) return this.#values
    this.#text = text
    this.#isLong = text.length > wholeLengthMax
    return membersOf(text)
  }

  async #readThese(keys: ReadonlySet<string>): Promise<PairValues> {
    const values = new Map(this.#values)
    for (const key of keys) {
      const { text } = await this.#ask('get_key_value', { query: { key } })
      if (text === 'null') values.delete(key)
      else values.set(key, text)
    }
    this.#text = undefined
    return values
  }
}
