import { Client } from 'pg'

/** A task for the plain client of PostgreSQL, sent to its process as one message. */
export interface PlainPlan {
  readonly url: string
  readonly method: 'GET' | 'PUT'
  /** Connections, each with one statement at a time. */
  readonly clients: number
  /** How many records there are. */
  readonly recordCount: number
  readonly value: string
  /** In ms. */
  readonly duration: number
}

export interface PlainResult {
  readonly count: number
  readonly elapsedMs: number
  /** User and system time of this process. */
  readonly cpuMs: number
}

const table = 'create table if not exists plain (key bytea primary key, value bytea)'
const upsert =
  'insert into plain (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value'
const select = 'select value from plain where key = $1'

/** The simplest client: one statement over `pg` for each read or write of a row. */
process.on('message', (plan: PlainPlan) => {
  run(plan).then(
    (result) => process.send?.({ result }),
    (error) => process.send?.({ failure: String(error) }),
  )
})

async function run(plan: PlainPlan): Promise<PlainResult> {
  const clients = await Promise.all(Array.from({ length: plan.clients }, () => connect(plan.url)))
  try {
    const value = Buffer.from(plan.value)
    await fill(clients, plan, value)
    const cpuBefore = process.cpuUsage()
    const began = performance.now()
    const counts = await Promise.all(clients.map((client) => repeat(client, plan, value)))
    const { user, system } = process.cpuUsage(cpuBefore)
    const count = counts.reduce((sum, one) => sum + one, 0)
    return { count, elapsedMs: performance.now() - began, cpuMs: (user + system) / 1_000 }
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}

async function connect(url: string): Promise<Client> {
  const client = new Client(url)
  await client.connect()
  return client
}

async function fill(clients: readonly Client[], plan: PlainPlan, value: Buffer): Promise<void> {
  const [first] = clients
  await first?.query(table)
  for (let record = 0; record < plan.recordCount; record += 1) {
    await first?.query({ name: 'upsert', text: upsert, values: [keyOf(record), value] })
  }
}

async function repeat(client: Client, plan: PlainPlan, value: Buffer): Promise<number> {
  const end = performance.now() + plan.duration
  let count = 0
  while (performance.now() < end) {
    const key = keyOf(Math.floor(Math.random() * plan.recordCount))
    if (plan.method === 'PUT') {
      await client.query({ name: 'upsert', text: upsert, values: [key, value] })
    } else {
      const { rows } = await client.query({ name: 'select', text: select, values: [key] })
      if (rows[0]?.value.length !== value.length) throw new Error('A row is missing.')
    }
    count += 1
  }
  return count
}

function keyOf(record: number): Buffer {
  return Buffer.from(`record-${String(record).padStart(7, '0')}`)
}
