import type { Command, CommandCall } from '../commands/command.ts'
import { sizeCell, textCell } from '../terminal/readable.ts'
import type { Column } from '../terminal/screen.ts'
import { RecordApi, unspelled } from './record-api.ts'

interface ListedKey {
  readonly key: string
  readonly size: number
}

const columns: readonly Column<ListedKey>[] = [
  { title: 'KEY', cellOf: ({ key }) => textCell(key === '' ? '""' : key) },
  { title: 'SIZE', isNumber: true, cellOf: ({ size }) => sizeCell(size) },
]

export const listCommand: Command = {
  usage: 'ls STORE [PREFIX]',
  about: 'lists the keys of a store that begin with PREFIX, in the order of their bytes',
  words: { min: 1, max: 2 },
  onlyReads: true,
  mayBeRemote: true,
  mayBeEmpty: true,
  run: list,
}

export const removeCommand: Command = {
  usage: 'rm STORE KEY...',
  about: 'deletes records; a key that is not there is no error',
  words: { min: 2, max: Number.POSITIVE_INFINITY },
  mayBeRemote: true,
  mayBeEmpty: true,
  run: remove,
}

/** Page by page: a store may have more keys than fit into memory. */
async function list({ given, api, screen }: CommandCall): Promise<void> {
  const records = await RecordApi.of(api, given.word(0))
  const all: ListedKey[] = []
  let after: string | undefined
  do {
    const page = await records.page({ prefix: given.word(1), after })
    const items = page.items.map(({ key, size }) => ({ key: unspelled(key), size }))
    if (screen.isJson) all.push(...items)
    else if (after === undefined) screen.table(columns, items)
    else for (const item of items) screen.line(columns.map(({ cellOf }) => cellOf(item)))
    after = page.nextExclusiveStartKey ?? undefined
  } while (after !== undefined)
  if (screen.isJson) screen.json({ items: all })
}

async function remove({ given, api, screen }: CommandCall): Promise<void> {
  const records = await RecordApi.of(api, given.word(0))
  const keys = given.wordsFrom(1)
  for (const key of keys) await records.send({ method: 'DELETE', key })
  if (screen.isJson) screen.json({ keys })
}
