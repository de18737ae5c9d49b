/** What is left out of a text that is scanned: comments, and members whose name came before. */
export class JsonCuts {
  /** Pairs of start and end, in order. */
  readonly #cuts: number[] = []
  /** Pairs, of members whose value has not ended: how deep they stand, and the comma in front. */
  readonly #members: number[] = []

  get isEmpty(): boolean {
    return this.#cuts.length === 0
  }

  get hasMember(): boolean {
    return this.#members.length > 0
  }

  addComment(start: number, end: number): void {
    this.#cuts.push(start, end)
  }

  /** A member in an object that is the `depth`th of the containers that are open. */
  beginMember(depth: number, comma: number): void {
    this.#members.push(depth, comma)
  }

  /** A value has ended in the `depth`th container; cuts within one are part of it. */
  endValue(depth: number, end: number): void {
    const members = this.#members
    if (members[members.length - 2] !== depth) return
    const comma = members.pop() ?? 0
    members.pop()
    while ((this.#cuts.at(-2) ?? -1) > comma) this.#cuts.length -= 2
    this.#cuts.push(comma, end)
  }

  without(text: string): string {
    let clean = ''
    let from = 0
    for (let index = 0; index < this.#cuts.length; index += 2) {
      clean += text.slice(from, this.#cuts[index])
      from = this.#cuts[index + 1] ?? 0
    }
    return clean + text.slice(from)
  }
}
