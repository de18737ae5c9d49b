import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { JsonText } from '../json-text.ts'
import { PatchWork } from './patch-work.ts'

/** A JSON Pointer (RFC 6901), split and decoded. */
export type Pointer = readonly string[]

/** A value: as it was written, or opened because something in it changes. */
type Node = JsonText | Members | Items
type Members = Map<string, Node>
type Items = Node[]

/**
 * JSON while a JSON Patch changes it. What is not changed keeps its spelling. Methods throw
 * StorageError `patch-failed`, and `too-many` if the patch is too much work in all.
 */
export class PatchedJson {
  /** The root is its only item, so that it can be replaced like any other value. */
  readonly #whole: Items
  readonly #work = new PatchWork()

  constructor(root: JsonText) {
    this.#whole = [root]
  }

  add(path: Pointer, value: Node, where: string): void {
    const { container, name } = this.#placeOf(path, where)
    if (container === this.#whole) container[0] = value
    else if (!Array.isArray(container)) container.set(name, value)
    else {
      const index =
        name === '-' ? container.length : indexIn(container, name, where, { isNew: true })
      this.#work.touch(container.length - index)
      container.splice(index, 0, value)
    }
  }

  replace(path: Pointer, value: Node, where: string): void {
    const { container, name } = this.#placeOf(path, where)
    nodeAt(container, name, where) // throws if there is none
    put(container, name, value)
  }

  /** Returns what was there. */
  remove(path: Pointer, where: string): Node {
    const { container, name } = this.#placeOf(path, where)
    if (container === this.#whole) throw patchFailed(`${where}: the whole value can't be removed.`)
    const removed = nodeAt(container, name, where)
    if (!Array.isArray(container)) {
      container.delete(name)
      return removed
    }
    this.#work.touch(container.length)
    container.splice(Number(name), 1)
    return removed
  }

  copyOf(path: Pointer, where: string): Node {
    return this.#cloned(this.#at(path, where))
  }

  /** JSON text. */
  textOf(path: Pointer, where: string): string {
    const text = new Printed().print(this.#at(path, where))
    this.#work.compare(text.length)
    return text
  }

  print(): string {
    return new Printed().print(nodeAt(this.#whole, '0', ''))
  }

  #at(path: Pointer, where: string): Node {
    const { container, name } = this.#placeOf(path, where)
    return nodeAt(container, name, where)
  }

  /** The container of a value, opened, and the value's name or index in it. */
  #placeOf(path: Pointer, where: string): { container: Members | Items; name: string } {
    let container: Members | Items = this.#whole
    let name = '0'
    for (const part of path) {
      container = this.#opened(container, name, where)
      name = part
    }
    return { container, name }
  }

  #opened(container: Members | Items, name: string, where: string): Members | Items {
    const node = nodeAt(container, name, where)
    if (!(node instanceof JsonText)) return node
    const isContainer = node.kind === 'object' || node.kind === 'array'
    if (!isContainer) throw patchFailed(`${where}: the path leads into a ${node.kind}.`)
    this.#work.touch(node.size)
    const opened = node.kind === 'object' ? new Map(node.members()) : [...node.items()]
    put(container, name, opened)
    return opened
  }

  #cloned(node: Node): Node {
    this.#work.touch(1)
    if (node instanceof JsonText) return node
    if (Array.isArray(node)) return node.map((item) => this.#cloned(item))
    return new Map([...node].map(([name, child]) => [name, this.#cloned(child)]))
  }
}

/** JSON text in the making. */
class Printed {
  readonly #parts: string[] = []
  #length = 0

  print(node: Node): string {
    this.#print(node)
    return this.#parts.join('')
  }

  #print(node: Node): void {
    if (node instanceof JsonText) {
      this.#add(node.text)
      return
    }
    const isList = Array.isArray(node)
    this.#add(isList ? '[' : '{')
    let isFirst = true
    for (const [name, child] of node.entries()) {
      const separator = isFirst ? '' : ','
      this.#add(isList ? separator : `${separator}${JSON.stringify(name)}:`)
      this.#print(child)
      isFirst = false
    }
    this.#add(isList ? ']' : '}')
  }

  #add(part: string): void {
    this.#length += part.length
    if (this.#length > limits.jsonViewBytesMax) throw tooLarge()
    this.#parts.push(part)
  }
}

function nodeAt(container: Members | Items, name: string, where: string): Node {
  const node = Array.isArray(container)
    ? container[indexIn(container, name, where, { isNew: false })]
    : container.get(name)
  if (node !== undefined) return node
  throw patchFailed(`${where}: there is nothing at that path.`)
}

function put(container: Members | Items, name: string, value: Node): void {
  if (Array.isArray(container)) container[Number(name)] = value
  else container.set(name, value)
}

function indexIn(items: Items, name: string, where: string, { isNew }: { isNew: boolean }): number {
  const index = /^(0|[1-9]\d{0,9})$/.test(name) ? Number(name) : Number.NaN
  if (index < items.length || (isNew && index === items.length)) return index
  throw patchFailed(`${where}: the array has no item ${JSON.stringify(name.slice(0, 100))}.`)
}

/** Creates the error for a patch that does not fit the value; the caller throws it. */
export function patchFailed(message: string): StorageError {
  return new StorageError('patch-failed', `${message} Nothing was changed.`)
}

function tooLarge(): StorageError {
  const rule = `at most ${limits.jsonViewBytesMax} characters`
  return new StorageError('value-too-large', `A value that is updated may have ${rule}.`)
}
