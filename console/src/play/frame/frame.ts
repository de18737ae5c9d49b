import { noAnswer } from '../page/refusal.ts'
import { explainAppLabCalls } from './app-lab-calls.ts'
import { ProgramConsole } from './program-console.ts'
import { ProgramCourse } from './program-course.ts'
import { ProgramDialogs } from './program-dialogs.ts'
import { reportErrors } from './program-errors.ts'
import {
  type ProgramMessage,
  type ReadyMessage,
  type RunMessage,
  runMessage,
  type StorageName,
} from './program-messages.ts'
import { lastLineOf, runProgram } from './program-script.ts'
import { replaceStorage } from './program-storage.ts'
import { closeWaysOut } from './program-ways-out.ts'

// Runs in a frame with an origin of its own: it can reach neither the page around it nor what that
// page keeps.
const ready: ReadyMessage = { type: 'coatcheck-play-ready' }
addEventListener('message', begin)
parent.postMessage(ready, '*')

/** Takes one message only: the first that says what to run. */
function begin({ data, source, ports: [port] }: MessageEvent): void {
  const run = runMessage(data)
  if (!run || !port || source !== parent) return
  removeEventListener('message', begin)
  const tell = (message: ProgramMessage): void => port.postMessage(message)
  const programConsole = new ProgramConsole(
    (printed) => tell({ type: 'coatcheck-play', kind: 'printed', ...printed }),
    () => tell({ type: 'coatcheck-play', kind: 'cleared' }),
  )
  programConsole.takeOver()
  reportErrors(programConsole, lastLineOf(run.code))
  closeWaysOut()
  const storages: readonly StorageName[] = ['localStorage', 'sessionStorage']
  for (const storage of storages) {
    replaceStorage(storage, run.kept[storage], (changes) => {
      tell({ type: 'coatcheck-play', kind: 'kept', storage, changes })
    })
  }
  new ProgramDialogs().takeOver()
  explainAppLabCalls()
  const course = new ProgramCourse((state) =>
    tell({ type: 'coatcheck-play', kind: 'state', state }),
  )
  loadAppLab(run, (isLoaded) => {
    if (isLoaded) {
      course.takeOver()
      return course.begin(run.code, () => runProgram(run.code))
    }
    programConsole.print('error', `ERROR: ${noAnswer}`)
    tell({ type: 'coatcheck-play', kind: 'state', state: 'failed' })
  })
}

/** Loads the page script, as any page would. */
function loadAppLab({ channelId, pageKey }: RunMessage, onEnd: (isLoaded: boolean) => void): void {
  const script = document.createElement('script')
  script.src = new URL('../applab.js', location.href).href
  script.dataset.channel = channelId
  if (pageKey !== undefined) script.dataset.key = pageKey
  script.dataset.announce = ''
  // Without this, browsers hide the errors of a script from another origin.
  script.crossOrigin = 'anonymous'
  script.addEventListener('load', () => onEnd(true))
  script.addEventListener('error', () => onEnd(false))
  document.head.append(script)
}
