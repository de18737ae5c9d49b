import type { Attack, Order, Report } from './attack.ts'
import { requestAttacks } from './requests.ts'
import { socketAttacks } from './sockets.ts'

/** The hostile client, in a process of its own: it prepares an attack, and starts it when told. */
const attacks: Readonly<Record<string, Attack>> = { ...socketAttacks, ...requestAttacks }
let start: () => void = () => undefined

process.on('message', (order: Order) => {
  if (order === 'go') {
    start()
    return
  }
  prepare(order).then(
    () => report({ kind: 'prepared' }),
    (error) => report({ kind: 'failed', message: String(error) }),
  )
})

async function prepare({ attack, target }: Exclude<Order, 'go'>): Promise<void> {
  const found = attacks[attack]
  if (!found) throw new Error(`There is no attack ${attack}.`)
  start = await found.prepare(target)
}

function report(message: Report): void {
  process.send?.(message)
}
