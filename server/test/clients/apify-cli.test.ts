import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useTestServer } from '../support/network/test-server.ts'
import type { Finished } from '../support/processes/command.ts'
import { runNodeScript } from '../support/processes/node-script.ts'
import { RepeatedScript } from '../support/processes/repeated-script.ts'

const cli = fileURLToPath(new URL('../node_modules/apify-cli/dist/apify.js', import.meta.url))

/** The steps of Apify's own end-to-end test of its CLI. */
// On one engine: apify-client is tested on all of them.
describe('the Apify CLI', { timeout: 60_000 }, () => {
  const server = useTestServer({ engine: 'lmdb' })
  const home = mkdtempSync(join(tmpdir(), 'coatcheck-test-'))
  let storeId = ''

  const place = () => ({
    file: cli,
    cwd: home,
    env: {
      HOME: home,
      USERPROFILE: home,
      APIFY_CLIENT_BASE_URL: server.url(),
      // A separate home protects this user's files from the login, and this protects the keyring.
      APIFY_DISABLE_KEYRING: '1',
      APIFY_CLI_DISABLE_TELEMETRY: '1',
      APIFY_CLI_SKIP_UPDATE_CHECK: '1',
    },
  })
  let program: RepeatedScript | undefined
  const apify = async (...args: readonly string[]): Promise<Finished> => {
    program ??= new RepeatedScript(place())
    return program.run(...args)
  }

  beforeAll(async () => {
    // As a user starts it: in a process of its own.
    const args = ['login', '--token', server.token()]
    const { code, stderr } = await runNodeScript({ ...place(), args })
    expect([code, stderr]).toEqual([0, expect.stringContaining('logged in to Apify as owner')])
  }, 60_000)

  afterAll(async () => {
    program?.end()
    await rm(home, { recursive: true, force: true })
  })

  it('creates a named store', async () => {
    const { code, stdout } = await apify('kvs', 'create', 'of-the-cli', '--json')
    expect(code).toBe(0)
    const store = JSON.parse(stdout)
    expect(store).toMatchObject({ name: 'of-the-cli', username: 'owner' })
    storeId = store.id
  })

  it('creates a named store and says so', async () => {
    const { code, stdout } = await apify('kvs', 'create', 'another')
    expect([code, stdout]).toEqual([0, expect.stringContaining('was created')])
    expect((await server.client().keyValueStore('owner/another').get())?.name).toBe('another')
  })

  it('sets a JSON value', async () => {
    const { code, stdout } = await apify('kvs', 'set-value', storeId, 'json', '{"hello":"world"}')
    expect([code, stdout]).toEqual([0, expect.stringContaining('set in the key-value store')])
  })

  it('sets a plain text value', async () => {
    const words = [storeId, 'text', 'hello plain text', '--content-type', 'text/plain']
    const { code, stdout } = await apify('kvs', 'set-value', ...words)
    expect([code, stdout]).toEqual([0, expect.stringContaining('set in the key-value store')])
  })

  it('gets the JSON value back', async () => {
    const { code, stdout, stderr } = await apify('kvs', 'get-value', storeId, 'json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ hello: 'world' })
    expect(stderr).toContain('application/json')
  })

  it('gets the plain text value back', async () => {
    // It goes on printing after its command has ended, so that only the end of a process tells all.
    const args = ['kvs', 'get-value', storeId, 'text']
    const { code, stdout, stderr } = await runNodeScript({ ...place(), args })
    expect([code, stdout]).toEqual([0, expect.stringContaining('hello plain text')])
    expect(stderr).toContain('text/plain')
  })

  it('fails for a missing value at once, in its own words', async () => {
    const { code, stdout, stderr } = await apify('kvs', 'get-value', storeId, 'missing')
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining('Error')])
  })

  it('lists keys', async () => {
    const { code, stdout } = await apify('kvs', 'keys', storeId, '--json')
    expect(code).toBe(0)
    const { items } = JSON.parse(stdout)
    expect(items.map(({ key }: { key: string }) => key)).toEqual(['json', 'text'])
  })

  it('shows facts about a store', async () => {
    const { code, stdout } = await apify('kvs', 'info', storeId, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ id: storeId, name: 'of-the-cli' })
  })

  it('shows a store by its name, and the name of its owner', async () => {
    const { code, stdout } = await apify('kvs', 'info', 'of-the-cli')
    expect([code, stdout]).toEqual([0, expect.stringContaining(storeId)])
    expect(stdout).toContain('Owned by owner')
  })

  it('lists all stores', async () => {
    const { code, stdout } = await apify('kvs', 'ls', '--json', '--desc')
    expect(code).toBe(0)
    const { items } = JSON.parse(stdout)
    const names = items.map(({ name }: { name: string }) => name)
    expect(names).toEqual(['another', 'of-the-cli'])
  })

  it('lists all stores in a table, with their sizes', async () => {
    const { code, stdout } = await apify('kvs', 'ls')
    expect([code, stdout]).toEqual([0, expect.stringContaining('owner/of-the-cli')])
    // One store is empty, which the CLI cannot print as a size.
    expect(stdout).toMatch(/owner\/another +N\/A/)
    expect(stdout).toMatch(/owner\/of-the-cli +\d+ B/)
  })

  it('renames the store', async () => {
    const { code, stdout } = await apify('kvs', 'rename', storeId, 'renamed-by-the-cli')
    expect([code, stdout]).toEqual([0, expect.stringContaining('was changed from')])
    expect((await server.client().keyValueStore(storeId).get())?.name).toBe('renamed-by-the-cli')
  })

  it('deletes a value', async () => {
    const { code, stdout } = await apify('kvs', 'delete-value', storeId, 'json', '--yes')
    expect([code, stdout]).toEqual([0, expect.stringContaining('deleted from the key-value store')])
    expect(await server.client().keyValueStore(storeId).recordExists('json')).toBe(false)
  })

  it('deletes the store', async () => {
    const { code, stdout } = await apify('kvs', 'rm', storeId, '--yes')
    expect([code, stdout]).toEqual([0, expect.stringContaining('has been deleted')])
    expect(await server.client().keyValueStore(storeId).get()).toBeUndefined()
  })

  it('reports an invalid token', async () => {
    const { stderr } = await apify('login', '--token', 'nobody')
    expect(stderr).toContain('the provided API token is not valid')
  })

  it('causes no error in the log of the server', () => {
    expect(server.logged()).toEqual([])
  })
})
