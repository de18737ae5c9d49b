import { expect, it, onTestFinished } from 'vitest'
import { CuttingProxy } from '../../../../test/support/network/cutting-proxy.ts'
import { sharedPostgres } from '../../../../test/support/postgres/test-database.ts'
import { parsePostgresAddress } from './address.ts'
import { Primary } from './primary.ts'

it('keeps all sessions with one host, also if no host takes writes', async () => {
  const url = new URL(await sharedPostgres.createDatabase())
  const proxies = [0, 0].map(() => CuttingProxy.start(Number(url.port)))
  const [away, first] = await Promise.all(proxies)
  if (!away || !first) throw new Error('There are two proxies.')
  onTestFinished(async () => {
    await Promise.all([away.stop(), first.stop()])
  })
  const { username, password, pathname } = url
  const hosts = [away, first].map(({ port }) => `127.0.0.1:${port}`).join(',')
  const readOnly = 'options=-c%20default_transaction_read_only%3Don'
  const text = `postgres://${username}:${password}@${hosts}${pathname}?${readOnly}`
  const address = parsePostgresAddress(text)
  const times = { connectMsMax: 10_000, answerMsMax: 10_000 }
  const primary = new Primary({ address, ...times, log: () => undefined, mayBeReadOnly: true })
  away.cutAt = () => 'before'
  const session = await primary.open()
  expect(session.host.port).toBe(first.port)
  away.cutAt = () => 'no'
  const second = await primary.open()
  expect([second.host.port, session.isLost]).toEqual([first.port, false])
  await Promise.all([session.close(), second.close()])
})
