import { Connection } from './connection.ts'
import { maskedFrames } from './masked-frames.ts'
import type { LoadAnswer, LoadPlan, LoadResult, SocketPlan } from './plan.ts'
import { SocketConnection } from './socket-connection.ts'
import { median, percentile } from './statistics.ts'

/**
 * The load generator. It is a process of its own, so that its work is not on the servers' event
 * loops.
 */
process.on('message', (plan: LoadPlan | SocketPlan) => {
  const running = 'messages' in plan ? runSockets(plan) : run(plan)
  running.then(
    (result) => answer({ kind: 'done', result }),
    (error) => answer({ kind: 'failed', message: String(error) }),
  )
})

function answer(message: LoadAnswer): void {
  process.send?.(message)
}

async function run(plan: LoadPlan): Promise<LoadResult> {
  const opening = Array.from({ length: plan.clients }, () => Connection.open(plan))
  const connections = await Promise.all(opening)
  return measure((noteLatency, began) => {
    const next = plan.duration === 'once' ? eachOnce(plan) : untilTime(plan, began + plan.duration)
    return connections.map((connection) => connection.run({ next, noteLatency }))
  })
}

async function runSockets(plan: SocketPlan): Promise<LoadResult> {
  const row = maskedFrames(plan.messages)
  const opening = Array.from({ length: plan.connections }, () => {
    const first = Math.floor(Math.random() * plan.messages.length)
    return SocketConnection.open(plan, { row, first })
  })
  const connections = await Promise.all(opening)
  return measure((noteLatency, began) => {
    const endsAt = began + plan.duration
    return connections.map((connection) => connection.run({ endsAt, noteLatency }))
  })
}

async function measure(
  start: (noteLatency: (ms: number) => void, began: number) => readonly Promise<void>[],
): Promise<LoadResult> {
  const latencies: number[] = []
  const noteLatency = (ms: number): void => {
    latencies.push(ms)
  }
  const cpuBefore = process.cpuUsage()
  const began = performance.now()
  await Promise.all(start(noteLatency, began))
  const elapsedMs = performance.now() - began
  const { user, system } = process.cpuUsage(cpuBefore)
  return {
    requestCount: latencies.length,
    elapsedMs,
    medianMs: median(latencies),
    p99Ms: percentile(latencies, 0.99),
    generatorCpuMs: (user + system) / 1_000,
  }
}

function eachOnce({ requests }: LoadPlan): () => Uint8Array | undefined {
  let index = 0
  return () => {
    const request = requests[index]
    index += 1
    return request
  }
}

function untilTime({ requests }: LoadPlan, endsAt: number): () => Uint8Array | undefined {
  return () => {
    if (performance.now() >= endsAt) return undefined
    return requests[Math.floor(Math.random() * requests.length)]
  }
}
