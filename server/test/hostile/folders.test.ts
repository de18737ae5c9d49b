import { expect, it, onTestFinished } from 'vitest'
import { openSocket } from '../support/network/nemesis-session.ts'
import { startTestServer } from '../support/network/test-server.ts'

// Node's own way to make a folder with those above it never ends in `/proc`.
it.each(['/proc/x', '/proc/x/y', '/dev/null', '/dev/null/x'])(
  'a folder for dumps that can not be made is said: %s',
  async (folder) => {
    const server = await startTestServer({ nemesisPort: 0, nemesisSaveDir: folder })
    onTestFinished(() => server.close())
    const client = await openSocket(server.nemesisUrl)
    const answer = await client.ask({ SH_SAVE: { name: 'dump' } })
    expect(answer).toMatch(/"st":122.*The dump's files can't be used: E[A-Z]+\./)
    expect(await client.ask({ SH_INFO_ALL: {} })).toContain('"totalSessions":0')
  },
)
