import { WebSocket } from 'ws'
import type { SampleRecord } from './requests.ts'

/** Makes a session with these records. */
export async function openSession(port: number, records: readonly SampleRecord[]): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/nemesis`)
  const next = (): Promise<string> =>
    new Promise((resolve, reject) => {
      socket.once('message', (data) => resolve(String(data)))
      socket.once('error', reject)
    })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const made = next()
  socket.send('{"SH_NEW":{"name":"benchmark"}}')
  const session = /"tkn":(\d+)/.exec(await made)?.[1] ?? ''
  const keys = Object.fromEntries(records.map(({ key, value }) => [key, JSON.parse(value)]))
  const filled = next()
  socket.send(`{"KV_SET":{"tkn":${session},"keys":${JSON.stringify(keys)}}}`)
  await filled
  socket.close()
  return session
}
