/** The known name that somebody meant who mistyped it; undefined: none is close. */
export function closestTo(typed: string, known: readonly string[]): string | undefined {
  const wanted = plain(typed)
  const distances = known.map((name) => ({ name, distance: distanceOf(wanted, plain(name)) }))
  const [closest] = distances.sort((one, other) => one.distance - other.distance)
  const distanceMax = Math.max(1, Math.floor(wanted.length / 3))
  return closest && closest.distance <= distanceMax ? closest.name : undefined
}

/** Neither case nor the kind of hyphen makes another name. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

/**
 * How many characters must be added, left out, replaced or swapped with their neighbour (optimal
 * string alignment).
 */
function distanceOf(one: string, other: string): number {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, index) => index)]
  for (let at = 1; at <= one.length; at += 1) rows.push(nextRow(rows, { one, other, at }))
  return rows.at(-1)?.at(-1) ?? 0
}

function nextRow(
  rows: readonly (readonly number[])[],
  { one, other, at }: { one: string; other: string; at: number },
): number[] {
  const cell = (row: number, column: number): number => rows[row]?.[column] ?? 0
  const next = [at]
  for (let column = 1; column <= other.length; column += 1) {
    const isSame = one[at - 1] === other[column - 1]
    const isSwapped = one[at - 1] === other[column - 2] && one[at - 2] === other[column - 1]
    const swap = isSwapped ? cell(at - 2, column - 2) + 1 : Infinity
    const replace = cell(at - 1, column - 1) + (isSame ? 0 : 1)
    next.push(Math.min(replace, cell(at - 1, column) + 1, (next[column - 1] ?? 0) + 1, swap))
  }
  return next
}
