import type { Readable } from 'node:stream'

/** The output of a process on one of its streams so far. */
export class ProcessOutput {
  #text = ''

  constructor(stream: Readable) {
    stream.setEncoding('utf8')
    stream.on('data', (part: string) => {
      this.#text += part
    })
  }

  get text(): string {
    return this.#text
  }

  get lines(): string[] {
    return this.#text.split('\n').filter((line) => line !== '')
  }
}
