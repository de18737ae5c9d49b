import { AppLabError } from '../page/errors.ts'
import type { Project } from '../page/project.ts'
import { resending } from '../page/resending.ts'
import { ChangeStream } from './change-stream.ts'
import { type Version, WatchedValues } from './watched-values.ts'

/** Who watches a key or a prefix. */
export interface ValueListener {
  onValue(key: string, value: unknown): void
  onEnd(error: unknown): void
}

type Stop = () => void

/** One stream may name so many keys. */
const keysMax = 100

/** What a page watches: one stream for all of its keys, and one for each prefix. */
export class PageWatches {
  readonly #project: Project
  readonly #listeners = new Map<string, Set<ValueListener>>()
  readonly #values: WatchedValues
  #stream: ChangeStream | undefined
  #isOpening = false

  constructor(project: Project) {
    this.#project = project
    this.#values = new WatchedValues(
      (key) => readVersion(project, key),
      (key, value) => this.#tell(key, value),
    )
  }

  watchKey(key: string, listener: ValueListener): Stop {
    const all = this.#listeners.get(key) ?? new Set()
    if (!this.#listeners.has(key) && this.#listeners.size >= keysMax) {
      const msg = `A page can watch up to ${keysMax} keys: use onKeyValues() for a prefix.`
      queueMicrotask(() => listener.onEnd(new AppLabError({ msg, type: 'TOO_MANY_KEYS' })))
      return () => undefined
    }
    this.#listeners.set(key, all.add(listener))
    const known = this.#values.get(key)
    if (known) soon(() => all.has(listener) && listener.onValue(key, known.value))
    else this.#reopen()
    return () => this.#leave(key, listener)
  }

  watchPrefix(prefix: string, listener: ValueListener): Stop {
    const project = this.#project
    let isOver = false
    const values = new WatchedValues(
      (key) => readVersion(project, key),
      (key, value) => soon(() => !isOver && listener.onValue(key, value)),
    )
    const end = (error: unknown): void => {
      if (isOver) return
      stop()
      listener.onEnd(error)
    }
    const stream = new ChangeStream(project.changesUrl({ prefix }), {
      onReady: ({ isNew }) => {
        if (isNew) listAll(project, prefix, values).catch(end)
      },
      onChange: (change) => values.change(change),
      onEnd: end,
    })
    const stop = (): void => {
      isOver = true
      stream.close()
    }
    return stop
  }

  #leave(key: string, listener: ValueListener): void {
    const all = this.#listeners.get(key)
    if (!all?.delete(listener) || all.size > 0) return
    this.#listeners.delete(key)
    this.#values.forget(key)
    this.#reopen()
  }

  /** Soon, since a page often begins to watch several keys at once. */
  #reopen(): void {
    if (this.#isOpening) return
    this.#isOpening = true
    setTimeout(() => {
      this.#isOpening = false
      this.#open()
    }, 0)
  }

  #open(): void {
    const after = this.#stream?.lastId ?? ''
    this.#stream?.close()
    this.#stream = undefined
    const keys = [...this.#listeners.keys()]
    if (keys.length === 0) return
    const listener = {
      onReady: ({ isNew }: { isNew: boolean }): void => this.#readMissing({ isNew }),
      onChange: this.#values.change.bind(this.#values),
      onEnd: (error: unknown): void => this.#end(error),
    }
    this.#stream = new ChangeStream(this.#project.changesUrl({ keys }), listener, { after })
  }

  /** Reads the values that are not known, once their changes are told. */
  #readMissing({ isNew }: { isNew: boolean }): void {
    for (const key of this.#listeners.keys()) {
      if (!isNew && this.#values.get(key)) continue
      this.#values.readNow(key).catch((error) => this.#end(error))
    }
  }

  #tell(key: string, value: unknown): void {
    for (const listener of this.#listeners.get(key) ?? []) {
      soon(() => this.#listeners.get(key)?.has(listener) && listener.onValue(key, value))
    }
  }

  #end(error: unknown): void {
    this.#stream?.close()
    const all = [...this.#listeners.values()].flatMap((listeners) => [...listeners])
    this.#listeners.clear()
    for (const listener of all) listener.onEnd(error)
  }
}

/** As a microtask: an error that a listener throws is an uncaught error of the page. */
function soon(work: () => unknown): void {
  queueMicrotask(() => void work())
}

async function listAll(project: Project, prefix: string, values: WatchedValues): Promise<void> {
  const call = project.listCall(prefix)
  const listed = Object(await resending(() => project.send(call)))
  const gone = [...values.keys].filter((key) => !Object.hasOwn(listed, key))
  for (const [key, value] of Object.entries(listed)) values.list(key, value ?? undefined)
  for (const key of gone) void values.readNow(key)
}

async function readVersion(project: Project, key: string): Promise<Version> {
  const call = project.getCall(key)
  const { value, tag } = await resending(() => project.sendForReply(call))
  const revision = /^(?:W\/)?"(\d+)/.exec(tag ?? '')?.[1]
  return {
    value: value ?? undefined,
    revision: revision === undefined ? undefined : Number(revision),
  }
}
