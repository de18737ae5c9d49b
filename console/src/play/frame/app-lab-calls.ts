import { callingLine } from '../../../../client/src/applab/functions/calling-line.ts'
import { pageConsole } from '../../../../client/src/applab/page/page-console.ts'

const noDesign =
  '/play has no design mode, so there are no screens, buttons or pictures. Ask with prompt(), ' +
  'and show with alert() or console.log().'
const noTurtle = '/play has no turtle. Show results with console.log().'
const noCanvas = '/play has no canvas. Show results with console.log().'
const noSound = '/play plays no sounds. Show results with console.log().'
const noTables = '/play has no tables. Keep a list or an object with setKeyValue(key, [1, 2]).'

/** By what to use in their place: the functions of App Lab that are not here. */
const calls: readonly (readonly [hint: string, names: string])[] = [
  [
    noDesign,
    'onEvent setScreen setProperty getProperty setText getText setNumber getNumber button ' +
      'textInput textLabel dropdown checkbox radioButton getChecked setChecked image getImageURL ' +
      'setImageURL imageUploadButton container write showElement hideElement ' +
      'deleteElement setPosition setSize setStyle getXPosition getYPosition setBackground ' +
      'setParent setSelectionRange getAttribute setAttribute rgb setGroup openUrl',
  ],
  [
    noTurtle,
    'moveForward moveBackward move turnRight turnLeft turnTo arcRight arcLeft getX getY ' +
      'getDirection dot penUp penDown penWidth penColor penRGB show hide speed',
  ],
  [
    noCanvas,
    'createCanvas setActiveCanvas line circle rect setStrokeWidth setStrokeColor setFillColor ' +
      'drawImage drawImageURL getImageData putImageData clearCanvas getRed getGreen getBlue ' +
      'getAlpha setRed setGreen setBlue setAlpha setRGB drawChart drawChartFromRecords',
  ],
  [noSound, 'playSound stopSound playSpeech'],
  [
    noTables,
    'createRecord readRecords updateRecord deleteRecord createRecordSync readRecordsSync ' +
      'updateRecordSync deleteRecordSync onRecordEvent getColumn',
  ],
  ['Use setInterval(function () { ... }, 1000).', 'timedLoop'],
  ['Use clearInterval().', 'stopTimedLoop'],
  ['Use Date.now().', 'getTime'],
  ['Use Number(prompt("...")).', 'promptNum'],
  ['Use list.push(item).', 'appendItem'],
  ['Use list.splice(index, 0, item).', 'insertItem'],
  ['Use list.splice(index, 1).', 'removeItem'],
  ['/play reaches no other server.', 'startWebRequest startWebRequestSync'],
]

/**
 * Lets programs that were written for App Lab say what they can't do here, in place of an error
 * about an unknown name. A program may give its own variables and functions these names.
 */
export function explainAppLabCalls(): void {
  for (const [hint, names] of calls) {
    for (const name of names.split(' ')) {
      if (!(name in window)) Object.assign(window, { [name]: explaining(name, hint) })
    }
  }
}

function explaining(name: string, hint: string): () => void {
  return function explain() {
    pageConsole.warn(`${name}() does nothing here: ${hint}`, callingLine(explain))
  }
}
