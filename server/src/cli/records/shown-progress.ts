import { ProgressBar } from '../terminal/progress-bar.ts'
import type { SentValue } from './sent-value.ts'

/** From this size on, a terminal shows how far a value is. */
const longBytes = 4_194_304

/** A value that shows how much of it was sent. */
export function withProgress(title: string, value: SentValue): SentValue {
  const { length } = value
  return {
    length,
    get isRepeatable() {
      return value.isRepeatable
    },
    parts: () => shown(title, value.parts(), length),
    close: () => value.close(),
  }
}

/** Passes bytes on, and shows on a terminal how many there were. */
export async function* shown(
  title: string,
  parts: AsyncIterable<Uint8Array>,
  total: number | undefined,
): AsyncGenerator<Uint8Array> {
  const bar = new ProgressBar(process.stderr, title)
  let done = 0
  try {
    for await (const part of parts) {
      done += part.length
      if ((total ?? done) >= longBytes) bar.show(done, total)
      yield part
    }
  } finally {
    bar.end()
  }
}
