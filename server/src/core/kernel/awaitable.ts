/**
 * A value that may have to be waited for. Where it is here at once, going on at once spares what is
 * done most often a turn of the event loop's microtasks.
 */
export type Awaitable<T> = T | Promise<T>

/** Goes on with a value: at once where it is here. */
export function andThen<T, U>(value: Awaitable<T>, use: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(use) : use(value)
}

/** As `try` and `catch`, of work that may have to be waited for. */
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
