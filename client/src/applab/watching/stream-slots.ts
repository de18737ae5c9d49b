/** The parts of the Web Locks API that are used here. Pages without https do not have it. */
interface Locks {
  request(
    name: string,
    options: { ifAvailable: true },
    use: (lock: unknown) => Promise<void> | undefined,
  ): Promise<unknown>
}

/**
 * Browsers allow six connections to a server, over all tabs. So that many, with open streams, do
 * not keep calls waiting, so many of them have one.
 */
const slotsMax = 3

/**
 * Takes one of the slots for streams to a server. Returns a function that gives it back; undefined
 * if other tabs, or other streams of this page, have all of them.
 */
export async function takeSlot(origin: string): Promise<(() => void) | undefined> {
  const { locks }: { locks?: Locks } = Object(Object(globalThis).navigator)
  if (!locks) return () => undefined
  for (let slot = 0; slot < slotsMax; slot += 1) {
    const release = await takeLock(locks, `coatcheck stream ${slot} to ${origin}`)
    if (release) return release
  }
  return undefined
}

function takeLock(locks: Locks, name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const use = (lock: unknown): Promise<void> | undefined => {
      if (!lock) {
        resolve(undefined)
        return undefined
      }
      return new Promise((release) => resolve(() => release()))
    }
    locks.request(name, { ifAvailable: true }, use).catch(reject)
  })
}
