import { type ReactNode, useCallback, useMemo, useState } from 'react'
import { createPortal } from 'react-dom'
import { Button } from '../../parts/button.tsx'
import { copyText } from '../../parts/tag.tsx'
import { say } from '../../parts/toasts.tsx'
import { type JsonOutline, lineText } from '../json/json-lines.ts'
import { parentsOf, pathOfLine } from '../json/json-path.ts'
import { FindBar } from './find-bar.tsx'
import { JsonLineView } from './json-line.tsx'
import { Lines } from './lines.tsx'

export interface JsonViewProps {
  readonly outline: JsonOutline
  /** Where its buttons stand. */
  readonly tools: HTMLElement | null
}

const noFolds: ReadonlySet<number> = new Set()

/** JSON with every digit, which can be folded and searched. */
export function JsonView({ outline, tools }: JsonViewProps): ReactNode {
  const { lines } = outline
  const [folded, setFolded] = useState(noFolds)
  const [line, setLine] = useState(-1)
  const [isFinding, setFinding] = useState(false)
  const shown = useMemo(() => shownLines(lines, folded), [lines, folded])
  const cursor = useMemo(() => indexIn(shown, line), [shown, line])
  const fold = useCallback((at: number, isFolded?: boolean) => {
    setFolded((before) => withFold(before, at, isFolded ?? !before.has(at)))
  }, [])
  const textAt = useCallback(
    (at: number) => {
      const one = lines[at]
      return one ? lineText(outline, one) : ''
    },
    [outline, lines],
  )
  const goTo = (at: number): void => {
    setFolded((before) => new Set([...before].filter((one) => !parentsOf(lines, at).includes(one))))
    setLine(at)
  }
  const onKey = (event: KeyOf): boolean => {
    if ((event.ctrlKey || event.metaKey) && event.key === 'f') return run(() => setFinding(true))
    return lines[line]?.close !== undefined && foldByKey(event, (to) => fold(line, to))
  }
  return (
    <>
      {tools &&
        createPortal(
          <Tools
            isFolded={folded.size > 0}
            onFold={() => setFolded(folded.size > 0 ? noFolds : allFolds(lines))}
            onFind={() => setFinding(!isFinding)}
          />,
          tools,
        )}
      {isFinding && (
        <FindBar
          count={lines.length}
          textAt={textAt}
          onFound={goTo}
          onClose={() => setFinding(false)}
        />
      )}
      <Lines
        label="Value as JSON"
        count={shown.length}
        cursor={cursor}
        onCursor={(index) => setLine(shown[index] ?? -1)}
        onKey={onKey}
        lineAt={(index) => {
          const at = shown[index] ?? 0
          return (
            <JsonLineView
              key={at}
              outline={outline}
              index={at}
              isFolded={folded.has(at)}
              isCurrent={at === line}
              onFold={fold}
              onChoose={setLine}
            />
          )
        }}
      />
      {line >= 0 && <PathBar path={pathOfLine(outline, line)} />}
    </>
  )
}

type KeyOf = { readonly key: string; readonly ctrlKey: boolean; readonly metaKey: boolean }

/** `isFolded` undefined: the other way round. */
function foldByKey({ key, ctrlKey, metaKey }: KeyOf, fold: (isFolded?: boolean) => void): boolean {
  if (ctrlKey || metaKey) return false
  if (key === 'ArrowLeft') return run(() => fold(true))
  if (key === 'ArrowRight') return run(() => fold(false))
  return key === 'Enter' ? run(() => fold()) : false
}

function Tools(props: {
  readonly isFolded: boolean
  readonly onFold: () => void
  readonly onFind: () => void
}): ReactNode {
  const { isFolded, onFold, onFind } = props
  const icon = isFolded ? 'chevrons-up-down' : 'chevrons-down-up'
  return (
    <>
      <Button kind="quiet" isSmall icon={icon} onPress={onFold}>
        {isFolded ? 'Unfold' : 'Fold'}
      </Button>
      <Button kind="quiet" isSmall icon="search" onPress={onFind}>
        Find
      </Button>
    </>
  )
}

function PathBar({ path }: { readonly path: string }): ReactNode {
  const copy = async (): Promise<void> => {
    await copyText(path)
    say({ text: 'The path is copied.' })
  }
  return (
    <div className="path-bar">
      <code>{path}</code>
      <Button isSmall kind="quiet" icon="copy" onPress={() => void copy()}>
        Copy path
      </Button>
    </div>
  )
}

function shownLines(lines: JsonOutline['lines'], folded: ReadonlySet<number>): readonly number[] {
  const shown: number[] = []
  for (let at = 0; at < lines.length; at += 1) {
    shown.push(at)
    const close = folded.has(at) ? lines[at]?.close : undefined
    // The closing bracket stands in the folded line.
    if (close !== undefined) at = close
  }
  return shown
}

/** All but the outermost: so one sees what there is. */
function allFolds(lines: JsonOutline['lines']): ReadonlySet<number> {
  const folds = new Set<number>()
  for (let at = 1; at < lines.length; at += 1) if (lines[at]?.close !== undefined) folds.add(at)
  return folds
}

function withFold(folded: ReadonlySet<number>, at: number, isFolded: boolean): ReadonlySet<number> {
  const next = new Set(folded)
  if (isFolded) next.add(at)
  else next.delete(at)
  return next
}

/** The place of a number in a rising list; -1: it is not there. */
function indexIn(numbers: readonly number[], wanted: number): number {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((numbers[middle] ?? 0) < wanted) low = middle + 1
    else high = middle
  }
  return numbers[low] === wanted ? low : -1
}

function run(action: () => void): true {
  action()
  return true
}
