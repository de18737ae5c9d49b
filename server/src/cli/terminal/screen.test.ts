import type { WriteStream } from 'node:tty'
import { expect, it } from 'vitest'
import { sizeCell, textCell } from './readable.ts'
import { type Column, Screen } from './screen.ts'

interface Row {
  readonly key: string
  readonly size: number
}

const columns: readonly Column<Row>[] = [
  { title: 'KEY', cellOf: ({ key }) => textCell(key) },
  { title: 'SIZE', isNumber: true, cellOf: ({ size }) => sizeCell(size) },
]

it('a table in pages has one header, and its columns stay where they are', () => {
  const lines: string[] = []
  const write = (text: string): boolean => lines.push(text) > 0
  const stdout = Object.assign(Object.create(null), { isTTY: true, columns: 80, on: () => stdout })
  const stream: WriteStream = Object.assign(stdout, { write })
  const screen = new Screen({ isJson: false }, { stdout: stream, stderr: stream })
  const first = screen.table(columns, [{ key: 'wide-key', size: 1_000_000 }])
  const second = screen.table(columns, [{ key: 'k', size: 5 }], first)
  screen.table(columns, [{ key: 'k', size: 6 }], second)
  expect(lines).toEqual([
    'KEY         SIZE\n',
    'wide-key  1.0 MB\n',
    'k            5 B\n',
    'k            6 B\n',
  ])
})
