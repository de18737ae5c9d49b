import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createTestFolder } from './support/data/test-folder.ts'
import { Client } from './support/network/client.ts'
import { ServerProcess } from './support/processes/server-process.ts'
import { TerminalCommand } from './support/processes/terminal.ts'

const longToken = 'a-token-of-my-own-with-many-characters'

describe('a first start', () => {
  it('prints the token itself only to a terminal', async () => {
    const data = createTestFolder()
    const args = ['serve', '--data', data, '--port', '0', '--nemesis-port', 'off']
    const terminal = new TerminalCommand(args)
    await terminal.shows('Coatcheck is listening on')
    const token = readFileSync(join(data, 'first-token'), 'utf8').trim()
    expect(terminal.text).toContain(`Your token is ${token} (also in ${data}/first-token)\n`)
    expect(terminal.text).toContain(`/play#token=${token}\n`)
  })

  it('never prints a token that it was given, not even to a terminal', async () => {
    const env = { COATCHECK_INITIAL_TOKEN: longToken }
    const server = await ServerProcess.start({ data: createTestFolder(), env })
    expect(server.stdout).toBe(
      'Your token is the one in COATCHECK_INITIAL_TOKEN\n' +
        `Try it in your browser: ${server.url}/play\n` +
        `Coatcheck is listening on ${server.url}\n`,
    )
    expect(await statusFor(server, longToken)).toBe(200)
    const args = ['serve', '--engine', 'memory', '--port', '0', '--nemesis-port', 'off']
    const terminal = new TerminalCommand(args, { env })
    await terminal.shows('Coatcheck is listening on')
    expect(terminal.text).not.toContain(longToken)
  })

  it('of the memory engine keeps the token in a file of its own until it stops', async () => {
    const args = ['--engine', 'memory']
    const server = await ServerProcess.start({ data: createTestFolder(), args })
    const [, file = ''] = /^Your token is in (.+)$/m.exec(server.stdout) ?? []
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const token = readFileSync(file, 'utf8').trim()
    expect(server.stdout).not.toContain(token)
    expect(await statusFor(server, token)).toBe(200)
    expect(await server.stop()).toBe(0)
    expect(existsSync(file)).toBe(false)
  })
})

async function statusFor({ url }: ServerProcess, token: string): Promise<number> {
  const path = '/v2/key-value-stores'
  return (await new Client({ url, token }).send({ method: 'GET', path })).status
}
