import type { ReactNode } from 'react'
import { countOf } from '../../format/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { indentMax, type JsonOutline, lineText, tokenAt } from '../json/json-lines.ts'

export interface JsonLineProps {
  readonly outline: JsonOutline
  readonly index: number
  readonly isFolded: boolean
  readonly isCurrent: boolean
  readonly onFold: (index: number) => void
  readonly onChoose: (index: number) => void
}

/** Longer texts are cut in a line. Raw shows them whole. */
const shownCharsMax = 2_000

/** One line of JSON, with its number. */
export function JsonLineView(props: JsonLineProps): ReactNode {
  const { outline, index, isFolded, isCurrent, onFold, onChoose } = props
  const line = outline.lines[index]
  if (!line) return null
  const isBlock = line.close !== undefined
  return (
    <div className={isCurrent ? 'line at' : 'line'} onClick={() => onChoose(index)}>
      <span className="line-no">{index + 1}</span>
      {isBlock ? (
        <button
          type="button"
          tabIndex={-1}
          className="fold"
          aria-label={isFolded ? `Unfold line ${index + 1}` : `Fold line ${index + 1}`}
          onClick={() => onFold(index)}
        >
          <Icon name={isFolded ? 'chevron-right' : 'chevron-down'} />
        </button>
      ) : (
        <span className="fold" />
      )}
      <code style={{ paddingLeft: `${Math.min(line.depth, indentMax) * 2}ch` }}>
        <Tokens outline={outline} from={line.from} to={line.to} />
        {isFolded && isBlock && (
          <>
            <button
              type="button"
              tabIndex={-1}
              className="hidden-count"
              onClick={() => onFold(index)}
            >
              {hiddenText(outline, index)}
            </button>
            <Closing outline={outline} close={line.close ?? 0} />
          </>
        )}
      </code>
    </div>
  )
}

/** What a folded line hides: `3 items`. */
function hiddenText(outline: JsonOutline, index: number): string {
  const line = outline.lines[index]
  if (!line) return ''
  const isList = lineText(outline, line).endsWith('[')
  return countOf(line.count, isList ? 'item' : 'member')
}

function Closing({
  outline,
  close,
}: {
  readonly outline: JsonOutline
  readonly close: number
}): ReactNode {
  const line = outline.lines[close]
  return line ? <Tokens outline={outline} from={line.from} to={line.to} /> : null
}

function Tokens({
  outline,
  from,
  to,
}: {
  readonly outline: JsonOutline
  readonly from: number
  readonly to: number
}): ReactNode {
  return Array.from({ length: to - from }, (_, at) => {
    const index = from + at
    const token = tokenAt(outline, index)
    const isName = index + 1 < to && tokenAt(outline, index + 1) === ':'
    const kind = isName ? 'member' : kindOfToken(token)
    const text = token === ':' ? ': ' : cut(token)
    return kind === '' ? (
      text
    ) : (
      <span key={index} className={kind}>
        {text}
      </span>
    )
  })
}

function kindOfToken(token: string): string {
  if (token.startsWith('"')) return 'string'
  if (/^[-\d]/.test(token)) return 'number'
  return /^[a-z]/.test(token) ? 'keyword' : ''
}

function cut(token: string): string {
  if (token.length <= shownCharsMax) return token
  return `${token.slice(0, shownCharsMax)}… (${token.length} characters)`
}
