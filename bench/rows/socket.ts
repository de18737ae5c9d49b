import type { SocketPlan } from '../load/plan.ts'
import { compare, type Measure, sampleOf } from '../measurement/comparison.ts'
import type { Bench, Outcome, Row } from '../measurement/row.ts'
import { sampleRecords } from '../servers/requests.ts'
import { ServerProcess } from '../servers/server-process.ts'

interface SocketCase {
  /** Added to the row's name; '' for the first case. */
  readonly suffix: string
  readonly connections: number
  readonly depth: number
}

const messageCount = 1_000
const valueBytes = 64
const name = 'socket-echo-64'

const cases: readonly SocketCase[] = [
  { suffix: '', connections: 1, depth: 64 },
  { suffix: '-clients', connections: 64, depth: 1 },
]

/** Our transport of WebSockets with an echo, compared with a bare `ws` that does the same. */
export const socketRows: readonly Row[] = [{ name, run: runEcho }]

async function runEcho(bench: Bench): Promise<readonly Outcome[]> {
  await using stack = new AsyncDisposableStack()
  const echo = await ServerProcess.startEchoSocket(bench.nodeFlags)
  stack.defer(() => echo.stop())
  const bare = await ServerProcess.startBareSocket()
  stack.defer(() => bare.stop())
  const outcomes: Outcome[] = []
  for (const { suffix, ...shape } of cases) {
    const own = measureOf(bench, { server: echo, ...shape })
    const reference = measureOf(bench, { server: bare, ...shape })
    const compared = await compare({ own, reference }, bench.rounds)
    const what = `echo, ${describe(shape)} / bare ws`
    outcomes.push({ name: name + suffix, what, target: 1, ...compared })
  }
  return outcomes
}

function describe({ connections, depth }: Omit<SocketCase, 'suffix'>): string {
  if (connections === 1) return `1 connection, ${depth} deep`
  return `${connections} connections, ${depth} deep`
}

function measureOf(
  { load, roundMs }: Bench,
  { server, connections, depth }: { server: ServerProcess; connections: number; depth: number },
): Measure {
  const plan: SocketPlan = {
    port: server.port,
    path: '/',
    headers: {},
    connections,
    depth,
    messages: messages(),
    duration: roundMs,
    replyStart: '{"KV_SET":{"keys":{"record-0000',
  }
  return () => sampleOf(server, () => load.run(plan))
}

/** Small commands, as clients send them one after the other. */
function messages(): string[] {
  return sampleRecords(messageCount, valueBytes).map(({ key, value }) =>
    JSON.stringify({ KV_SET: { keys: { [key]: value } } }),
  )
}
