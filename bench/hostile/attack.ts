/** Where an attack goes, and how much it does. */
export interface Target {
  readonly port: number
  readonly token: string
  /** Less data: to see that the benchmark runs. */
  readonly isQuick: boolean
}

/** What a hostile client does to a server. It is prepared first, while nothing is measured. */
export interface Attack {
  readonly what: string
  /** Fills the server. Returns what starts the attack, which goes on until the process ends. */
  prepare(target: Target): Promise<() => void>
}

/** Messages to the process of the hostile client. */
export type Order = { readonly attack: string; readonly target: Target } | 'go'
/** Its answers. */
export type Report = { readonly kind: 'prepared' } | { readonly kind: 'failed'; message: string }
