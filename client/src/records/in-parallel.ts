/** How many requests of a batch are under way at the same time, unless the caller says it. */
export const parallelUsual = 8

/**
 * Does work for each item, `parallel` of them at a time, and yields the results in the order of the
 * items. It runs ahead of its reader by no more than that. Ends with the first failure.
 */
export async function* inParallel<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  parallel: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  if (!(parallel >= 1)) throw new RangeError(`At least one at a time, not ${parallel}.`)
  const underWay: Promise<Result>[] = []
  for await (const item of items) {
    const result = work(item)
    // Its failure is reported when its turn comes; until then it is not unhandled.
    result.catch(() => undefined)
    underWay.push(result)
    const [oldest] = underWay
    if (oldest === undefined || underWay.length < parallel) continue
    underWay.shift()
    yield await oldest
  }
  for (const result of underWay) yield await result
}
