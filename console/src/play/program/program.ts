import {
  changedItems,
  isReadyMessage,
  keptLength,
  keptLengthMax,
  type Printed,
  type ProgramMessage,
  type ProgramState,
  programMessage,
  type RunMessage,
  type StorageName,
} from '../frame/program-messages.ts'
import { element } from '../page/element.ts'
import type { Kept } from '../page/kept.ts'
import { noAnswer } from '../page/refusal.ts'
import type { ProjectAddress } from '../projects/projects.ts'

export interface ProgramListener {
  onPrinted(printed: Printed): void
  /** The program clears its console. */
  onCleared(): void
  /** A call for data succeeded. */
  onCall(call: { readonly kind: 'set' | 'get'; readonly key: string }): void
  /** Undefined: somebody stopped it. */
  onState(state: ProgramState | undefined): void
}

/** How long to wait for the frame, which is a small file of the same server. */
const patienceMs = 10_000
/**
 * How long to wait after `load` for the frame to say that it is ready: a busy machine needs time.
 */
const readySoonMs = 2_000

/**
 * A student's program, in a frame with an origin of its own. It has the page key of its project,
 * and can reach neither this page nor the user's token.
 */
export class Program {
  readonly #place: HTMLElement
  readonly #kept: Readonly<Record<StorageName, Kept>>
  readonly #listener: ProgramListener
  #frame: HTMLIFrameElement | undefined
  #waiting: RunMessage | undefined
  /** Runs out if the frame does not get ready. */
  #timer: number | undefined

  constructor(
    place: HTMLElement,
    kept: Readonly<Record<StorageName, Kept>>,
    listener: ProgramListener,
  ) {
    this.#place = place
    this.#kept = kept
    this.#listener = listener
    addEventListener('message', (event) => this.#hear(event))
  }

  /** Runs a program from its beginning, in place of the one that runs. */
  run(code: string, { channelId, pageKey }: ProjectAddress): void {
    this.stop()
    const kept = {
      localStorage: this.#kept.localStorage.getTexts(keptName(channelId)),
      sessionStorage: this.#kept.sessionStorage.getTexts(keptName(channelId)),
    }
    this.#waiting = { type: 'coatcheck-play-run', code, channelId, pageKey, kept }
    this.#frame = element('iframe', {
      sandbox: 'allow-scripts allow-modals',
      src: 'play/frame',
      title: 'The program that runs',
      tabindex: '-1',
    })
    // If the server sends nothing, browsers load an error page instead.
    this.#frame.addEventListener('load', () => this.#expectReady(readySoonMs), { once: true })
    this.#expectReady(patienceMs)
    this.#place.replaceChildren(this.#frame)
    this.#listener.onState('running')
  }

  stop(): void {
    this.#leave()
    this.#listener.onState(undefined)
  }

  #leave(): void {
    clearTimeout(this.#timer)
    this.#place.replaceChildren()
    this.#frame = undefined
    this.#waiting = undefined
  }

  /** Without a frame that is ready, there is nothing to run the program in: that is a failure. */
  #expectReady(withinMs: number): void {
    clearTimeout(this.#timer)
    if (!this.#waiting) return
    this.#timer = setTimeout(() => {
      this.#leave()
      this.#listener.onPrinted({ level: 'error', text: `ERROR: ${noAnswer}` })
      this.#listener.onState('failed')
    }, withinMs)
  }

  #hear({ source, data }: MessageEvent): void {
    const window = this.#frame?.contentWindow
    // Messages of a stopped program may still come.
    if (!window || source !== window) return
    if (isReadyMessage(data)) this.#begin(window)
    else this.#take(data)
  }

  #begin(window: Window): void {
    const run = this.#waiting
    if (!run) return
    this.#waiting = undefined
    clearTimeout(this.#timer)
    const { port1: port, port2: other } = new MessageChannel()
    port.addEventListener('message', ({ data }) => {
      if (this.#frame?.contentWindow === window) this.#take(data, run.channelId)
    })
    port.start()
    // The origin of such a frame has no name, so '*' is the only way. This page's policy lets the
    // frame show only our own file.
    window.postMessage(run, '*', [other])
  }

  #take(data: unknown, channelId?: string): void {
    const message = programMessage(data)
    if (message?.type === 'coatcheck-applab') this.#listener.onCall(message)
    else if (message?.kind === 'printed') this.#listener.onPrinted(message)
    else if (message?.kind === 'cleared') this.#listener.onCleared()
    else if (message?.kind === 'state') this.#listener.onState(message.state)
    else if (message && channelId !== undefined) this.#keep(message, channelId)
  }

  /** Other tabs may have kept something meanwhile: only what has changed is replaced. */
  #keep({ storage, changes }: KeptMessage, channelId: string): void {
    const kept = this.#kept[storage]
    const name = keptName(channelId)
    const items = changedItems(kept.getTexts(name), changes)
    if (keptLength(items) <= keptLengthMax) kept.set(name, items)
  }
}

type KeptMessage = Extract<ProgramMessage, { kind: 'kept' }>

/** The name under which a project's programs keep their data. */
export function keptName(channelId: string): string {
  return `kept ${channelId}`
}
