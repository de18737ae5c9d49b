import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { useTestServer, wireEngines } from '../support/network/test-server.ts'
import { inScratchFolder, runNodeScript } from '../support/processes/node-script.ts'

const actor = fileURLToPath(new URL('sdk-actor.ts', import.meta.url))

describe.each(wireEngines)('the Apify SDK with a store of the server, on %s', (engine) => {
  const server = useTestServer({ engine })

  it('opens it by name, writes, reads, lists and drops it', async () => {
    const { code, stdout, stderr } = await inScratchFolder((cwd) =>
      runNodeScript({ file: actor, cwd, env: environment() }),
    )
    expect([code, code === 0 ? '' : stderr]).toEqual([0, ''])
    const seen = JSON.parse(stdout.split('\n').find((line) => line.startsWith('{')) ?? '')
    expect(seen).toEqual({
      id: expect.stringMatching(/^[a-zA-Z0-9]{17}$/),
      name: 'of-the-sdk',
      isSameAgain: true,
      values: {
        json: { hello: 'world', list: [1, null, 'ů'] },
        text: 'Žluťoučký kůň 🐎',
        longLength: 100_000,
        isBufferWhole: true,
        isStreamWhole: true,
        gone: null,
        missing: 'a default',
        exists: [true, false],
      },
      keys: {
        count: 1_055,
        isInOrder: true,
        behind: ['many-11048', 'many-11049', 'stream', 'text'],
        prefixed: 10,
      },
      publicUrl: expect.stringMatching(
        new RegExp(
          `^${server.url()}/v2/key-value-stores/${seen.id}/records/json\\?signature=\\w+$`,
        ),
      ),
      refusal: expect.stringContaining('Key-value Store was not found'),
    })
    expect((await server.client().keyValueStores().list()).items).toEqual([])
    expect(server.logged()).toEqual([])
  }, 60_000)

  function environment(): Record<string, string> {
    return {
      APIFY_TOKEN: server.token(),
      APIFY_API_BASE_URL: server.url(),
      APIFY_API_PUBLIC_BASE_URL: server.url(),
    }
  }
})
