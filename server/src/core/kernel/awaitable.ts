/**
 * A value, or a promise of it. Code that gets the value itself continues without a promise, which
 * saves the most frequent operations a turn of the microtask queue.
 */
export type Awaitable<T> = T | Promise<T>

/** Passes the value to `use`: synchronously, unless it is a promise. */
export function andThen<T, U>(value: Awaitable<T>, use: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(use) : use(value)
}

/** Like `try` and `catch`, for work that may return a promise. */
export function orElse<T>(
  work: () => Awaitable<T>,
  recover: (error: unknown) => Awaitable<T>,
): Awaitable<T> {
  try {
    const value = work()
    return value instanceof Promise ? value.catch(recover) : value
  } catch (error) {
    return recover(error)
  }
}
