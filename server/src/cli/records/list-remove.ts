import { wholeOf } from '../api/local-api.ts'
import type { Command, CommandCall } from '../commands/command.ts'
import { printableJson } from '../terminal/printable.ts'
import { type Cell, sizeCell, textCell, timeCell } from '../terminal/readable.ts'
import type { Column, Screen } from '../terminal/screen.ts'
import { type ListedRecord, RecordApi } from './record-api.ts'

const columns: readonly Column<ListedRecord>[] = [
  { title: 'KEY', cellOf: ({ key }) => textCell(key === '' ? '""' : key) },
  { title: 'SIZE', isNumber: true, cellOf: ({ size }) => sizeCell(size) },
  { title: 'TYPE', cellOf: ({ contentType }) => typeCell(contentType) },
  { title: 'CHANGED', cellOf: ({ modifiedAt }) => timeCell(modifiedAt) },
]

export const listCommand: Command = {
  usage: 'ls STORE [PREFIX]',
  about:
    'lists the keys of a store that begin with PREFIX, in the order of their bytes, with the size,\n' +
    'the content type and the time of the last write',
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
  const pages = records.pages({ prefix: given.word(1) })
  if (screen.isJson) return listAsJson(pages, screen)
  let widths: ReturnType<Screen['table']> | undefined
  for await (const items of pages) {
    if (screen.isReaderGone) return
    widths = screen.table(columns, items, widths)
  }
}

async function listAsJson(
  pages: AsyncIterable<readonly ListedRecord[]>,
  screen: Screen,
): Promise<void> {
  let count = 0
  screen.jsonPart('{"items":[')
  for await (const items of pages) {
    if (screen.isReaderGone) return
    const text = items.map((item) => printableJson(item)).join(',')
    screen.jsonPart(count > 0 && items.length > 0 ? `,${text}` : text)
    count += items.length
  }
  screen.jsonPart(`],"count":${count}}\n`)
}

async function remove({ given, api, screen }: CommandCall): Promise<void> {
  const records = await RecordApi.of(api, given.word(0))
  const keys = given.wordsFrom(1)
  for (const key of keys) {
    // Read to its end: only then the next request may use the connection.
    await wholeOf(await records.send({ method: 'DELETE', key }), 'The answer')
  }
  if (screen.isJson) screen.json({ keys })
}

/** People see the type alone, without parameters such as the character set. */
function typeCell(contentType: string | undefined): Cell {
  const { readable, plain } = textCell(contentType)
  return { readable: readable.split(';', 1).join('').trim(), plain }
}
