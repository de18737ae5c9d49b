import type { Answer } from '../socket-exchange.ts'

/** Puts answers into the order of their questions. */
export class ReplyOrder {
  #asked = 0
  /** Number of the oldest question without an answer. */
  #first = 0
  /** Answers that came before the answers to earlier questions. */
  readonly #early = new Map<number, Answer>()

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
    if (question < this.#first || this.#early.has(question)) return false
    if (question !== this.#first) {
      this.#early.set(question, answer)
      return true
    }
    sendEach(answer, send)
    this.#first += 1
    while (this.#early.size > 0 && this.#early.has(this.#first)) {
      sendEach(this.#early.get(this.#first), send)
      this.#early.delete(this.#first)
      this.#first += 1
    }
    return true
  }
}

function sendEach(answer: Answer, send: (text: string) => void): void {
  if (answer === undefined) return
  if (typeof answer === 'string') send(answer)
  else for (const text of answer) send(text)
}
