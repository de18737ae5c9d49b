import type { AnswerText } from '../socket-exchange.ts'

type Send = (text: AnswerText) => void

/** Puts answers into the order of their questions. */
export class ReplyOrder {
  #asked = 0
  /** Number of the oldest question without an answer. */
  #first = 0
  /** Answers that came before the answers to earlier questions. */
  readonly #early = new Map<number, AnswerText | undefined>()
  /** Texts that go out before the answer to their question, and came early. */
  readonly #earlyParts = new Map<number, AnswerText[]>()
  #earlyUnits = 0

  /** The number of the oldest question without an answer that has gone out. */
  get first(): number {
    return this.#first
  }

  /** The length of all early answers, in UTF-16 units. */
  get earlyUnits(): number {
    return this.#earlyUnits
  }

  /** How many questions there were. */
  get askedCount(): number {
    return this.#asked
  }

  /** How many questions have answers that have not gone out. */
  get openCount(): number {
    return this.#asked - this.#first
  }

  /** Notes a question and returns its number. */
  ask(): number {
    this.#asked += 1
    return this.#asked - 1
  }

  /**
   * Notes an answer, and passes all texts to `send` that may go out now. Returns false and does
   * nothing if the question has an answer already.
   */
  answer(question: number, answer: AnswerText | undefined, send: Send): boolean {
    if (this.#isAnswered(question)) return false
    if (question !== this.#first) {
      this.#early.set(question, answer)
      this.#earlyUnits += answer?.length ?? 0
      return true
    }
    if (answer !== undefined) send(answer)
    this.#goOn(send)
    return true
  }

  /** Like `answer`, for a part: the question stays open, and the rest of its answer follows. */
  part(question: number, part: AnswerText | undefined, send: Send): boolean {
    if (this.#isAnswered(question)) return false
    if (part === undefined) return true
    if (question === this.#first) send(part)
    else this.#keep(question, part)
    return true
  }

  #isAnswered(question: number): boolean {
    return question < this.#first || this.#early.has(question)
  }

  #keep(question: number, text: AnswerText): void {
    this.#earlyUnits += text.length
    const kept = this.#earlyParts.get(question)
    if (kept) kept.push(text)
    else this.#earlyParts.set(question, [text])
  }

  /** The oldest question was answered: sends what waited for that. */
  #goOn(send: Send): void {
    for (;;) {
      this.#first += 1
      if (this.#earlyParts.size > 0) {
        for (const part of this.#earlyParts.get(this.#first) ?? []) this.#sendEarly(part, send)
        this.#earlyParts.delete(this.#first)
      }
      if (this.#early.size === 0 || !this.#early.has(this.#first)) return
      this.#sendEarly(this.#early.get(this.#first), send)
      this.#early.delete(this.#first)
    }
  }

  #sendEarly(text: AnswerText | undefined, send: Send): void {
    if (text === undefined) return
    this.#earlyUnits -= text.length
    send(text)
  }
}
