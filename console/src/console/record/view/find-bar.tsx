import { type ReactNode, useMemo, useState } from 'react'
import { countText } from '../../format/format.ts'
import { Button } from '../../parts/button.tsx'
import { Field } from '../../parts/field.tsx'

export interface FindBarProps {
  readonly count: number
  readonly textAt: (line: number) => string
  readonly onFound: (line: number) => void
  readonly onClose: () => void
}

const foundMax = 10_000

/** Finds lines that contain a text, one after the other. */
export function FindBar({ count, textAt, onFound, onClose }: FindBarProps): ReactNode {
  const [text, setText] = useState('')
  const [at, setAt] = useState(-1)
  const found = useMemo(() => findLines(text, count, textAt), [text, count, textAt])
  const go = (step: number): void => {
    if (found.length === 0) return
    const next = (at + step + found.length) % found.length
    setAt(next)
    onFound(found[next] ?? 0)
  }
  return (
    <search className="find-bar">
      <Field
        label="Find in the value"
        isLabelHidden
        icon="search"
        placeholder="Find"
        autoFocus
        value={text}
        onChange={(next) => {
          setText(next)
          setAt(-1)
        }}
        onEnter={() => go(1)}
        onEscape={onClose}
      />
      <span className="soft" role="status">
        {sentence(text, found.length, at)}
      </span>
      <Button isSmall kind="quiet" icon="arrow-up" label="The one before" onPress={() => go(-1)} />
      <Button isSmall kind="quiet" icon="arrow-down" label="The next one" onPress={() => go(1)} />
      <Button isSmall kind="quiet" icon="x" label="Close the search" onPress={onClose} />
    </search>
  )
}

function sentence(text: string, count: number, at: number): string {
  if (text === '') return ''
  if (count === 0) return 'No line has it.'
  const all = count === foundMax ? `${countText(count)} or more` : countText(count)
  const lines = count === 1 ? 'line' : 'lines'
  return at < 0 ? `${all} ${lines}` : `${at + 1} of ${all}`
}

function findLines(
  text: string,
  count: number,
  textAt: (line: number) => string,
): readonly number[] {
  if (text === '') return []
  const wanted = text.toLowerCase()
  const found: number[] = []
  for (let line = 0; line < count && found.length < foundMax; line += 1) {
    if (textAt(line).toLowerCase().includes(wanted)) found.push(line)
  }
  return found
}
