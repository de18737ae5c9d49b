import type { Answer } from '../socket-exchange.ts'

/** Puts answers into the order of their questions. */
export class ReplyOrder {
  #asked = 0
  /** Number of the oldest question without an answer. */
  #first = 0
  /** Answers that came before the answers to earlier questions. */
  readonly #early = new Map<number, Answer>()
  /** Texts that go out before the answer to their question, and came early. */
  readonly #earlyParts = new Map<number, string[]>()
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
  answer(question: number, answer: Answer, send: (text: string) => void): boolean {
    if (this.#isAnswered(question)) return false
    if (question !== this.#first) {
      this.#early.set(question, answer)
      this.#earlyUnits += lengthOf(answer)
      return true
    }
    sendEach(answer, send)
    this.#goOn(send)
    return true
  }

  /** Like `answer`, for a part: the question stays open, and the rest of its answer follows. */
  part(question: number, part: Answer, send: (text: string) => void): boolean {
    if (this.#isAnswered(question)) return false
    if (question === this.#first) sendEach(part, send)
    else sendEach(part, (text) => this.#keep(question, text))
    return true
  }

  #isAnswered(question: number): boolean {
    return question < this.#first || this.#early.has(question)
  }

  #keep(question: number, text: string): void {
    this.#earlyUnits += text.length
    const kept = this.#earlyParts.get(question)
    if (kept) kept.push(text)
    else this.#earlyParts.set(question, [text])
  }

  /** The oldest question was answered: sends what waited for that. */
  #goOn(send: (text: string) => void): void {
    for (;;) {
      this.#first += 1
      if (this.#earlyParts.size > 0) {
        this.#sendEarly(this.#earlyParts.get(this.#first), send)
        this.#earlyParts.delete(this.#first)
      }
      if (this.#early.size === 0 || !this.#early.has(this.#first)) return
      this.#sendEarly(this.#early.get(this.#first), send)
      this.#early.delete(this.#first)
    }
  }

  #sendEarly(answer: Answer, send: (text: string) => void): void {
    this.#earlyUnits -= lengthOf(answer)
    sendEach(answer, send)
  }
}

function sendEach(answer: Answer, send: (text: string) => void): void {
  if (answer === undefined) return
  if (typeof answer === 'string') send(answer)
  else for (const text of answer) send(text)
}

function lengthOf(answer: Answer): number {
  if (answer === undefined || typeof answer === 'string') return answer?.length ?? 0
  return answer.reduce((sum, text) => sum + text.length, 0)
}
