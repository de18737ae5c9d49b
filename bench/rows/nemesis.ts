import type { SocketPlan } from '../load/plan.ts'
import { compare, type Measure, sampleOf } from '../measurement/comparison.ts'
import type { Bench, Outcome, Row } from '../measurement/row.ts'
import { sampleRecords } from '../servers/requests.ts'
import { ServerProcess } from '../servers/server-process.ts'
import { openSession } from '../servers/sessions.ts'

interface NemesisCase {
  readonly command: 'KV_GET' | 'KV_SET' | 'SH_NEW'
  readonly engine: 'lmdb' | 'memory'
  readonly target?: number
}

const recordCount = 1_000
const valueBytes = 64
const depth = 64

const cases: readonly NemesisCase[] = [
  { command: 'KV_GET', engine: 'lmdb', target: 1 },
  { command: 'KV_SET', engine: 'lmdb', target: 0.5 },
  { command: 'KV_GET', engine: 'memory' },
  { command: 'KV_SET', engine: 'memory' },
  { command: 'SH_NEW', engine: 'lmdb' },
]

/**
 * The NemesisDB door, 64 commands deep on one connection, compared with a bare `ws` that echoes
 * them.
 */
export const nemesisRows: readonly Row[] = cases.map((one) => ({
  name: nameOf(one),
  run: (bench) => runCase(bench, one),
}))

function nameOf({ command, engine }: NemesisCase): string {
  return `${command.toLowerCase().replace('_', '-')}-${engine}-64`
}

async function runCase(bench: Bench, one: NemesisCase): Promise<readonly Outcome[]> {
  const { program, nodeFlags } = bench
  const { command, engine, target } = one
  const data = bench.createFolder()
  await using stack = new AsyncDisposableStack()
  const coatcheck = await ServerProcess.startCoatcheck({ program, engine, data, nodeFlags })
  stack.defer(() => coatcheck.stop())
  const bare = await ServerProcess.startBareSocket()
  stack.defer(() => bare.stop())
  const session = await openSession(coatcheck.port, sampleRecords(recordCount, valueBytes))
  const messages = messagesOf(command, session)
  const body = command === 'SH_NEW' ? '"st":1,"name":' : `"tkn":${session},"keys":`
  const start = `{"${command}_RSP":{${body}`
  const own = measureOf(bench, { server: coatcheck, messages, replyStart: start })
  const reference = measureOf(bench, { server: bare, messages, replyStart: `{"${command}":` })
  const compared = await compare({ own, reference }, bench.rounds)
  const durable = command !== 'KV_GET' && engine === 'lmdb' ? 'durable ' : ''
  const size = command === 'SH_NEW' ? '' : ` of ${valueBytes} bytes`
  const what = `${durable}${command}${size}, 1 connection, ${depth} deep, ${engine} / bare ws`
  return [{ name: nameOf(one), what, ...(target !== undefined && { target }), ...compared }]
}

function messagesOf(command: NemesisCase['command'], session: string): string[] {
  if (command === 'SH_NEW') return ['{"SH_NEW":{"name":"benchmark"}}']
  return sampleRecords(recordCount, valueBytes).map(({ key, value }) => {
    const keys = command === 'KV_GET' ? `["${key}"]` : `{"${key}":${value}}`
    return `{"${command}":{"tkn":${session},"keys":${keys}}}`
  })
}

function measureOf(
  { load, roundMs }: Bench,
  parts: { server: ServerProcess } & Pick<SocketPlan, 'messages' | 'replyStart'>,
): Measure {
  const { server, messages, replyStart } = parts
  const plan: SocketPlan = {
    port: server.port,
    path: '/nemesis',
    headers: {},
    connections: 1,
    depth,
    messages,
    duration: roundMs,
    replyStart,
  }
  return () => sampleOf(server, () => load.run(plan))
}
