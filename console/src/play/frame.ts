import { ProgramConsole } from './program-console.ts'
import { reportErrors } from './program-errors.ts'
import {
  type ProgramMessage,
  type ReadyMessage,
  type RunMessage,
  runMessage,
} from './program-messages.ts'
import { ProgramStorage } from './program-storage.ts'

// Runs in a frame of its own, whose origin is nobody's: nothing of the page around it can be
// reached from here, and nothing that it keeps.
const ready: ReadyMessage = { type: 'coatcheck-play-ready' }
addEventListener('message', begin)
parent.postMessage(ready, '*')

/** The first message is the only one. */
function begin({ data, source, ports: [port] }: MessageEvent): void {
  const run = runMessage(data)
  if (!run || !port || source !== parent) return
  removeEventListener('message', begin)
  const tell = (message: ProgramMessage): void => port.postMessage(message)
  const programConsole = new ProgramConsole((printed) => {
    tell({ type: 'coatcheck-play', kind: 'printed', ...printed })
  })
  programConsole.takeOver()
  reportErrors(programConsole)
  new ProgramStorage(run.kept, (items) => {
    tell({ type: 'coatcheck-play', kind: 'kept', items })
  }).takeOver()
  loadAppLab(run, () => runCode(run.code))
}

/** The page script, as any page would load it. */
function loadAppLab({ channelId, pageKey }: RunMessage, onLoaded: () => void): void {
  const script = document.createElement('script')
  script.src = new URL('../applab.js', location.href).href
  script.dataset.channel = channelId
  if (pageKey !== undefined) script.dataset.key = pageKey
  script.dataset.announce = ''
  // Of a script of another origin, browsers say no more than that it failed.
  script.crossOrigin = 'anonymous'
  script.addEventListener('load', onLoaded)
  script.addEventListener('error', () => {
    console.error('ERROR: The server did not give applab.js. Is it running?')
  })
  document.head.append(script)
}

/** As a script of the page: it may declare what it likes, and its lines are those of the editor. */
function runCode(code: string): void {
  const script = document.createElement('script')
  script.textContent = `${code}\n//# sourceURL=program.js`
  document.body.append(script)
}
