import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../processes/free-port.ts'
import { PostgresServer } from './postgres.ts'

const nodeCount = 3
/** How many standbys must have a commit before it is acknowledged. */
const quorum = 1
const standbyCount = nodeCount - 1
const lookAgainMs = 20
/** A standby that has not gone on for so long has come to the end of what it has. */
const settledMs = 100
const patienceMs = 60_000

/**
 * A primary and two standbys on this machine, of which one at least has each commit before it is
 * acknowledged. Whoever breaks it is also who mends it: nothing here takes over by itself.
 */
export class PostgresCluster {
  readonly #ports: readonly number[]
  #primary: PostgresServer
  #standbys: PostgresServer[]
  #isFenced = false

  private constructor(
    ports: readonly number[],
    { primary, standbys }: { primary: PostgresServer; standbys: PostgresServer[] },
  ) {
    this.#ports = ports
    this.#primary = primary
    this.#standbys = standbys
  }

  static async start(): Promise<PostgresCluster> {
    const ports: number[] = []
    while (ports.length < nodeCount) {
      const port = await freePort()
      if (!ports.includes(port)) ports.push(port)
    }
    const settings = settingsOf(ports)
    const [first, ...others] = ports
    const primary = await PostgresServer.start({ settings, ...(first && { port: first }) })
    const standbys: PostgresServer[] = []
    const cluster = new PostgresCluster(ports, { primary, standbys })
    for (const port of others) {
      standbys.push(await PostgresServer.startStandbyOf(primary, { settings, port }))
    }
    await cluster.untilReplicated()
    return cluster
  }

  get primary(): PostgresServer {
    return this.#primary
  }

  get standbys(): readonly PostgresServer[] {
    return this.#standbys
  }

  /** With all hosts, as whoever does not know which of them is the primary names them. */
  urlOf(database: string): string {
    const hosts = this.#ports.map((port) => `127.0.0.1:${port}`)
    return `postgres://coatcheck@${hosts.join(',')}/${database}`
  }

  /** A new, empty database; answers its URL. */
  async createDatabase(): Promise<string> {
    const name = new URL(await this.#primary.createDatabase()).pathname.slice(1)
    return this.urlOf(name)
  }

  /** Ends the primary for good: nobody must ask it any more once another one takes over. */
  async fencePrimary(): Promise<void> {
    if (this.#isFenced) return
    this.#isFenced = true
    await this.#primary.kill()
  }

  /**
   * Ends the primary for good and has a standby take over: the one that received most, once so many
   * were asked that one of them has every commit that was acknowledged. What was the primary is
   * made anew behind it, as it may have commits that nobody was told of.
   */
  async replacePrimary(): Promise<void> {
    await this.fencePrimary()
    const fenced = this.#primary
    const [next, ...others] = await this.#byReceived()
    if (!next || others.length + 1 < standbyCount - quorum + 1) {
      throw new Error('Too few standbys are left to know what was acknowledged.')
    }
    await next.query('select pg_promote(true, 30)')
    for (const other of others) await follow(other, next)
    await fenced.cleanUp()
    const again = { settings: settingsOf(this.#ports), port: fenced.port }
    this.#primary = next
    this.#isFenced = false
    this.#standbys = [...others, await PostgresServer.startStandbyOf(next, again)]
  }

  /** Resolves once all standbys have what is there. */
  async untilReplicated(): Promise<void> {
    const query = "select count(*) as n from pg_stat_replication where sync_state = 'quorum'"
    await until('all standbys follow', async () => {
      const [row] = await this.#primary.query(query)
      return Number(row?.n) === standbyCount
    })
  }

  /** The ports of the nodes that take writes. */
  async writablePorts(): Promise<number[]> {
    const ports: number[] = []
    for (const node of [this.#primary, ...this.#standbys]) {
      const [row] = await node.query('show transaction_read_only')
      if (row?.transaction_read_only === 'off') ports.push(node.port)
    }
    return ports
  }

  async cleanUp(): Promise<void> {
    for (const node of [...this.#standbys, this.#primary]) await node.cleanUp()
  }

  /** The standbys, the one that received most first; nobody sends them anything any more. */
  async #byReceived(): Promise<PostgresServer[]> {
    const received = await Promise.all(
      this.#standbys.map(async (node) => ({ node, bytes: await finallyReceived(node) })),
    )
    return received.sort((one, other) => other.bytes - one.bytes).map(({ node }) => node)
  }
}

function settingsOf(ports: readonly number[]): Record<string, string> {
  const names = ports.map((port) => `standby${port}`)
  return {
    synchronous_standby_names: `ANY ${quorum} (${names.join(', ')})`,
    // A standby that was away for some seconds finds what it missed.
    wal_keep_size: '512MB',
    wal_retrieve_retry_interval: '100ms',
  }
}

/** One that was started again goes through what it has, for some moments, before it knows. */
async function finallyReceived(standby: PostgresServer): Promise<number> {
  let bytes = -1
  await until('nothing is received any more', async () => {
    const before = bytes
    const receiving = "select 1 from pg_stat_wal_receiver where status = 'streaming'"
    if ((await standby.query(receiving)).length > 0) return false
    const [row] = await standby.query(
      "select greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0' as bytes",
    )
    bytes = Number(row?.bytes)
    await sleep(settledMs)
    return bytes === before
  })
  return bytes
}

async function follow(standby: PostgresServer, primary: PostgresServer): Promise<void> {
  const name = `application_name=standby${standby.port}`
  const where = `host=127.0.0.1 port=${primary.port} user=coatcheck ${name}`
  await standby.query(`alter system set primary_conninfo = '${where}'`)
  await standby.query('select pg_reload_conf()')
}

/** Bounded: what does not come to be is told. */
export async function until(claim: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!(await isSo())) {
    if (performance.now() > deadline)
      throw new Error(`In a minute it did not come about: ${claim}.`)
    await sleep(lookAgainMs)
  }
}
