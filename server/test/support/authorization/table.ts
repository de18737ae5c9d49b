/** Parses a text table into columns by name; each column maps row names to cells. */
export function parseTable(table: string): Map<string, Map<string, string>> {
  const [head = '', ...lines] = table.trim().split('\n')
  const names = head.trim().split(/\s+/)
  const rows = lines.map((line) => line.split(/ {2,}/))
  return new Map(
    names.map((name, index) => [
      name,
      new Map(rows.map(([caller = '', ...cells]) => [caller, cells[index] ?? ''])),
    ]),
  )
}
