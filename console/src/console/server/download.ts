import { say } from '../parts/toasts.tsx'
import { sentenceOf } from './ask.ts'
import { calling } from './calling.ts'

/** A browser keeps long downloads on its disk; this is the most that a page may ask for. */
const bytesMax = 2_147_483_648

/** Saves what a path of the server answers as a file. A link alone could not send the token. */
export async function download(path: string, name: string): Promise<void> {
  try {
    const bytes = await calling({ method: 'GET', path }, (answer) => answer.bytes(bytesMax))
    const url = URL.createObjectURL(new Blob([bytes]))
    const link = document.createElement('a')
    link.href = url
    link.download = name
    link.click()
    setTimeout(() => URL.revokeObjectURL(url), 60_000)
  } catch (error) {
    say({ text: sentenceOf(error), isError: true })
  }
}
