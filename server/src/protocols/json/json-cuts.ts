/**
 * The parts of a scanned text that are left out: comments, and members whose object already has a
 * member of that name.
 */
export class JsonCuts {
  /** Pairs of start and end, in order. */
  readonly #cuts: number[] = []
  /**
   * Pairs, one for each member to leave out whose value has not ended: its depth, and the position
   * of the comma in front of it.
   */
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

  /** Begins a member to leave out. Its object is the `depth`th of the open containers. */
  beginMember(depth: number, comma: number): void {
    this.#members.push(depth, comma)
  }

  /**
   * A value has ended in the `depth`th container. If its member is to be left out, the cut includes
   * all cuts within the member.
   */
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
