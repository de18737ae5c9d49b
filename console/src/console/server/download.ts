import { say } from '../parts/toasts.tsx'
import { ask, sentenceOf } from './ask.ts'
import { serverUrl } from './server-url.ts'

/** Lets the browser save what a path of the server answers. It can't send the token itself. */
export async function download(path: string): Promise<void> {
  try {
    const link = document.createElement('a')
    link.href = await ticketFor(path)
    link.download = ''
    link.click()
  } catch (error) {
    say({ text: sentenceOf(error), isError: true })
  }
}

/** A URL that the browser may load for some minutes. Rejects with CoatcheckError. */
export async function ticketFor(path: string): Promise<string> {
  const { url } = Object(await ask('POST', '/coatcheck/v1/tickets', { body: { path } }))
  return new URL(String(url), `${serverUrl}/`).href
}
