/** One item, or several. A string is one item, not its letters. */
export function listOf<Item extends string | bigint>(items: Item | Iterable<Item>): Item[] {
  return isOne(items) ? [items] : [...items]
}

function isOne<Item extends string | bigint>(items: Item | Iterable<Item>): items is Item {
  return typeof items === 'string' || typeof items === 'bigint'
}
