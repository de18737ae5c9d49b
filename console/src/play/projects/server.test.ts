import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished, vi } from 'vitest'
import { isOutage } from '../page/refusal.ts'
import { Server } from './server.ts'

it.each([
  ['the beginning of an answer', 10_000, ''],
  ['the end of an answer', 60_000, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1'],
])('a request whose server never sends %s ends after %i ms', async (_, ms, sent) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>()
  const silent = createServer(({ socket }) => {
    socket.write(sent, () => arrive())
  })
  onTestFinished(() => void silent.close())
  await new Promise<void>((listens) => silent.listen(0, '127.0.0.1', listens))
  const { port } = silent.address() as AddressInfo
  const asked = new Server(`http://127.0.0.1:${port}/`).ask('path').then(
    () => undefined,
    (error: unknown) => error,
  )
  await arrived
  await vi.advanceTimersByTimeAsync(ms)
  expect(isOutage(await asked)).toBe(true)
})
