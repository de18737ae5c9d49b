import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { createTestFolder } from './support/data/test-folder.ts'
import { FailoverLoad, type LoadedServer } from './support/load/failover-load.ts'
import { Remote } from './support/network/remote.ts'
import { PostgresCluster, until } from './support/postgres/postgres-cluster.ts'
import { runCoatcheck } from './support/processes/command.ts'
import { freePort } from './support/processes/free-port.ts'
import { ServerProcess } from './support/processes/server-process.ts'

const rounds = Number(process.env.COATCHECK_FAILOVER_ROUNDS ?? 1)
const wanted = Number(process.env.COATCHECK_FAILOVER_WRITES ?? 600)
const seed = Number(process.env.COATCHECK_FAILOVER_SEED ?? Date.now() % 1_000_000)
/** The number of writes before each fault, and after it before it counts as mended. */
const writesBetween = 50
const roundMsMax = 600_000
/** Shorter than every timeout, and long enough that all writes wait. */
const shortFreezeMs = 3_000
const awayMs = 1_000
const token = 'a-token-that-is-given-to-both-servers'

/** A fault, and how it is repaired. */
interface Fault {
  readonly title: string
  readonly run: (scene: Scene) => Promise<void>
}

interface Scene {
  readonly cluster: PostgresCluster
  readonly servers: readonly RestartedServer[]
  readonly load: FailoverLoad
}

const faults: readonly Fault[] = [
  {
    title: 'the primary is killed, and a standby takes over',
    run: ({ cluster }) => cluster.replacePrimary(),
  },
  {
    title: 'a server is killed',
    run: async ({ servers }) => {
      await servers[0]?.kill()
      await servers[0]?.start()
    },
  },
  {
    title: 'a standby is killed',
    run: async ({ cluster }) => {
      await cluster.standbys[0]?.kill()
      await sleep(awayMs)
      await cluster.standbys[0]?.start()
    },
  },
  {
    title: 'the primary stands still for some seconds',
    run: async ({ cluster }) => {
      cluster.primary.freeze(true)
      await sleep(shortFreezeMs)
      cluster.primary.freeze(false)
    },
  },
  {
    title: 'the primary stands still, and a standby takes over',
    run: async ({ cluster }) => {
      cluster.primary.freeze(true)
      await sleep(awayMs)
      await cluster.replacePrimary()
    },
  },
  {
    title: 'one session with the database is killed, and so the database restarts',
    run: async ({ cluster }) => {
      const query = "select pid from pg_stat_activity where application_name = 'coatcheck'"
      const [row] = await cluster.primary.query(query)
      process.kill(Number(row?.pid), 'SIGKILL')
    },
  },
  { title: 'no standby is left, and nothing is acknowledged', run: withoutStandbys },
  {
    title: 'no standby is left, then no primary, and one of the standbys comes back and takes over',
    run: async ({ cluster }) => {
      for (const standby of cluster.standbys) await standby.kill()
      await sleep(awayMs)
      await cluster.fencePrimary()
      for (const standby of cluster.standbys) await standby.start()
      await cluster.replacePrimary()
    },
  },
  {
    title: 'a server is stopped in order and started again',
    run: async ({ servers }) => {
      expect(await servers[1]?.stop()).toBe(0)
      await servers[1]?.start()
    },
  },
]

it(
  `keeps every acknowledged write through ${rounds * faults.length} faults of a cluster`,
  async () => {
    process.stdout.write(`failover: COATCHECK_FAILOVER_SEED=${seed} repeats what is written\n`)
    const scene = await openScene()
    const { cluster, servers, load } = scene
    for (let done = 0; done < rounds * faults.length; done += 1) {
      const fault = faults[done % faults.length]
      if (fault) await breakAndMend(fault, scene)
    }
    const missing = wanted - load.acknowledged
    for (let left = missing; left > 0; left -= writesBetween) await load.more(writesBetween)
    const { acknowledged, refused } = load
    const problems = await load.end()
    process.stdout.write(
      `failover: ${acknowledged} acknowledged, ${refused} not, ${problems.length} problems\n`,
    )
    expect(load.defects).toEqual([])
    expect(problems).toEqual([])
    expect(acknowledged).toBeGreaterThanOrEqual(wanted)
    expect(await cluster.writablePorts()).toEqual([cluster.primary.port])
    for (const server of servers) expect(await server.stop()).toBe(0)
    const { code, stdout, stderr } = await runCoatcheck({ args: ['check', ...servers[0].words] })
    expect({ code, said: stdout + stderr }).toMatchObject({ code: 0 })
  },
  roundMsMax * (rounds + 1),
)

async function openScene() {
  const cluster = await PostgresCluster.start()
  onTestFinished(() => cluster.cleanUp())
  const database = await cluster.createDatabase()
  const servers = [
    await RestartedServer.open(database),
    await RestartedServer.open(database),
  ] as const
  return { cluster, servers, load: await FailoverLoad.start(servers, { seed }) }
}

async function breakAndMend({ title, run }: Fault, scene: Scene): Promise<void> {
  const { cluster, load } = scene
  await load.more(writesBetween)
  load.takeLongestGapMs()
  const acknowledged = load.acknowledged
  await run(scene)
  await load.more(writesBetween)
  const gapMs = Math.round(load.takeLongestGapMs())
  await until('the database answers', async () => {
    const [answer] = await Promise.allSettled([cluster.primary.query('select 1')])
    return answer?.status === 'fulfilled'
  })
  await cluster.untilReplicated()
  await untilPromised(scene)
  const count = load.acknowledged - acknowledged
  process.stdout.write(`failover: ${title}: ${gapMs} ms without a write, ${count} acknowledged\n`)
  expect(load.defects).toEqual([])
}

/** Waits until the servers report that acknowledged writes are on several disks. */
async function untilPromised({ servers }: Scene): Promise<void> {
  for (const { url } of servers) {
    await until('a server promises replication', async () => {
      const { status, durability } = await new Remote(url).do('/health')
      return status === 'ok' && durability === 'replicated'
    })
  }
}

/** Without a standby, no write is acknowledged, however long it waits; reads still work. */
async function withoutStandbys({ cluster, servers, load }: Scene): Promise<void> {
  for (const standby of cluster.standbys) await standby.kill()
  // Writes that a standby already has are still acknowledged.
  await sleep(awayMs)
  const before = load.acknowledged
  await sleep(awayMs)
  expect(load.acknowledged).toBe(before)
  const remote = new Remote(servers[1]?.url ?? '')
  const keys = await remote.do('/v2/key-value-stores/~failover/keys?limit=1', { token })
  expect(keys.data.count).toBe(1)
  expect(await remote.do('/health')).toMatchObject({
    status: 'degraded',
    ready: true,
    durability: 'degraded',
  })
  for (const standby of cluster.standbys) await standby.start()
}

/** A server that keeps its address when it restarts. */
class RestartedServer implements LoadedServer {
  readonly token = token
  readonly url: string
  /** The arguments of a command line that name its data. */
  readonly words: readonly string[]
  readonly #port: number
  #process: ServerProcess | undefined

  private constructor(port: number, words: readonly string[]) {
    this.#port = port
    this.url = `http://127.0.0.1:${port}`
    this.words = words
  }

  static async open(database: string): Promise<RestartedServer> {
    const words = ['--data', createTestFolder(), '--engine', database]
    const server = new RestartedServer(await freePort(), words)
    await server.start()
    return server
  }

  async start(): Promise<void> {
    const [, data = '', ...args] = this.words
    this.#process = await ServerProcess.start({
      data,
      args: [...args, '--port', `${this.#port}`],
      env: { COATCHECK_INITIAL_TOKEN: token },
    })
  }

  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  async stop(): Promise<number | null | undefined> {
    return this.#process?.stop()
  }
}
