import { chmodSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createTestFolder } from './support/data/test-folder.ts'
import { Client } from './support/network/client.ts'
import { NemesisSession } from './support/network/nemesis-session.ts'
import { runInProcess } from './support/processes/command.ts'
import { type OwnServer, startOwnServer } from './support/processes/own-server.ts'
import { ServerProcess } from './support/processes/server-process.ts'

describe('the files of a server', () => {
  it.each(['0000', '0022', '0277', '0777'])(
    'can be read by no other user, with umask %s',
    async (umask) => {
      const folder = createTestFolder()
      const data = join(folder, 'data')
      const under = ['sh', '-c', `umask ${umask}; "$@"; exit $?`, 'sh']
      const args = ['--nemesis-port', '0']
      const server = await ServerProcess.start({ data, under, args })
      const store = await new Client(server).openStore('kept')
      await store.put('key', Buffer.alloc(3_000_000))
      const url = /^The NemesisDB door is at (ws:\S+)$/m.exec(server.stdout)?.[1] ?? ''
      const session = await NemesisSession.open(url)
      await session.command('KV_SET', { keys: { a: 1 } })
      await session.client.ask('{"SH_SAVE":{"name":"dump"}}')
      const files = filesIn(data)
      const modes = files.map((file) => [file, statSync(join(data, file)).mode & 0o777])
      expect(modes).toEqual(files.map((file) => [file, isFolder(data, file) ? 0o700 : 0o600]))
      for (const name of ['lock', 'first-token', 'local-server', 'lmdb/data.mdb', 'lmdb/journal']) {
        expect(files).toContain(name)
      }
      expect(files.some((file) => file.endsWith('md.json'))).toBe(true)
      await server.kill()
      const again = await startOwnServer({ data })
      expect(await statusFor(again)).toBe(200)
    },
  )

  it('may be in a folder that other users may write to, only with --insecure-folder', async () => {
    const data = createTestFolder()
    chmodSync(data, 0o777)
    const words = ['serve', '--data', data, '--port', '0', '--nemesis-port', 'off']
    const { code, stdout, stderr } = await runInProcess({ args: words })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^coatcheck: [^\n]+\.\n$/)
    expect(stderr).toContain('(mode 0777). Run chmod 700 ')
    expect(readdirSync(data)).toEqual([])
    await startOwnServer({ data, args: ['--insecure-folder'] })
    const byVariable = { data: createTestFolder(), env: { COATCHECK_INSECURE_FOLDER: 'on' } }
    chmodSync(byVariable.data, 0o777)
    const server = await startOwnServer(byVariable)
    await server.stop()
    const to = createTestFolder()
    chmodSync(to, 0o777)
    const copying = { args: ['copy', '--from', byVariable.data, '--to', to] }
    expect((await runInProcess(copying)).stderr).toContain('(mode 0777). Run chmod 700 ')
    const { env } = byVariable
    expect(await runInProcess({ ...copying, env })).toMatchObject({ code: 0, stderr: '' })
  })
})

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
}

function isFolder(data: string, file: string): boolean {
  return statSync(join(data, file)).isDirectory()
}

async function statusFor({ url, token }: OwnServer): Promise<number> {
  const path = '/v2/key-value-stores'
  return (await new Client({ url, token }).send({ method: 'GET', path })).status
}
