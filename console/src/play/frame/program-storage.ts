import { type KeptChanges, type KeptItems, keptLength, keptLengthMax } from './program-messages.ts'

/**
 * What stands in for `localStorage` or `sessionStorage`, which the frame of a program may not use.
 * The page around it keeps the texts for the next run. So the page script keeps the id of its user,
 * as in any page.
 */
class StoredItems {
  readonly #items: Map<string, string>
  readonly #onChanged: (changes: KeptChanges) => void

  constructor(kept: KeptItems, onChanged: (changes: KeptChanges) => void) {
    this.#items = new Map(Object.entries(kept))
    this.#onChanged = onChanged
  }

  get names(): string[] {
    return [...this.#items.keys()]
  }

  get(name: string): string | undefined {
    return this.#items.get(name)
  }

  /** Throws if there is no room left. */
  set(name: string, value: string): void {
    const items = { ...Object.fromEntries(this.#items), [name]: value }
    if (keptLength(items) > keptLengthMax) {
      throw new DOMException('There is no room left.', 'QuotaExceededError')
    }
    this.#items.set(name, value)
    this.#onChanged({ [name]: value })
  }

  remove(names: readonly string[]): void {
    for (const name of names) this.#items.delete(name)
    this.#onChanged(Object.fromEntries(names.map((name) => [name, null])))
  }
}

/** Puts a storage in place of the browser's own: by its functions, and by properties. */
export function replaceStorage(
  name: 'localStorage' | 'sessionStorage',
  kept: KeptItems,
  onChanged: (changes: KeptChanges) => void,
): void {
  const value = storageOf(new StoredItems(kept, onChanged))
  Object.defineProperty(window, name, { value, configurable: true })
}

/** Behaves as a browser's Storage: https://html.spec.whatwg.org/#the-storage-interface. */
function storageOf(items: StoredItems): object {
  const functions = functionsOf(items)
  // As in browsers, an item does not hide what all storages have, such as `getItem`.
  const hidden: object = Object.create(Storage.prototype)
  const itemOf = (name: string | symbol): string | undefined =>
    typeof name === 'symbol' || name in hidden ? undefined : items.get(name)
  const setItem = (target: object, name: string | symbol, value: unknown): boolean => {
    if (typeof name === 'symbol') return Reflect.set(target, name, value)
    items.set(name, text(value))
    return true
  }
  return new Proxy(hidden, {
    get: (target, name) => {
      if (name === 'length') return items.names.length
      if (Object.hasOwn(functions, name)) return Reflect.get(functions, name)
      return itemOf(name) ?? Reflect.get(target, name)
    },
    set: setItem,
    has: (target, name) => itemOf(name) !== undefined || name in target,
    deleteProperty: (target, name) => {
      if (itemOf(name) !== undefined) items.remove([String(name)])
      return Reflect.deleteProperty(target, name)
    },
    ownKeys: (target) => [
      ...items.names.filter((name) => itemOf(name) !== undefined),
      ...Reflect.ownKeys(target),
    ],
    getOwnPropertyDescriptor: (target, name) => {
      const value = itemOf(name)
      if (value === undefined) return Reflect.getOwnPropertyDescriptor(target, name)
      return { value, writable: true, enumerable: true, configurable: true }
    },
    defineProperty: (target, name, { value }) => setItem(target, name, value),
    preventExtensions: () => false,
  })
}

function functionsOf(items: StoredItems): object {
  return {
    key: (...args: unknown[]) => items.names[Number(required(args, 1)[0])] ?? null,
    getItem: (...args: unknown[]) => items.get(text(required(args, 1)[0])) ?? null,
    setItem: (...args: unknown[]) => items.set(text(required(args, 2)[0]), text(args[1])),
    removeItem: (...args: unknown[]) => items.remove([text(required(args, 1)[0])]),
    clear: () => items.remove(items.names),
  }
}

/** Throws TypeError if there are fewer arguments. */
function required(args: readonly unknown[], count: number): readonly unknown[] {
  if (args.length >= count) return args
  throw new TypeError(`${count} arguments are needed, but there are only ${args.length}.`)
}

/** Throws TypeError for symbols, as browsers do. */
function text(value: unknown): string {
  return `${value}`
}
