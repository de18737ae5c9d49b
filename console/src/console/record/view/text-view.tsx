import { type ReactNode, useMemo } from 'react'
import { Lines } from './lines.tsx'

/** Up to here the browser draws and wraps all lines at once. */
const wrappedCharsMax = 100_000
const shownCharsMax = 4_000

/** Text as it is. */
export function TextView({ text }: { readonly text: string }): ReactNode {
  if (text === '') return <p className="soft nothing">The value is empty.</p>
  if (text.length <= wrappedCharsMax) {
    return (
      <section className="lines" tabIndex={0} aria-label="Value as text">
        <pre className="wrapped">{text}</pre>
      </section>
    )
  }
  return <LongText text={text} />
}

function LongText({ text }: { readonly text: string }): ReactNode {
  const lines = useMemo(() => text.split('\n'), [text])
  return (
    <Lines
      label="Value as text"
      count={lines.length}
      lineAt={(at) => (
        <div key={at} className="line">
          <span className="line-no">{at + 1}</span>
          <code>{cut(lines[at] ?? '')}</code>
        </div>
      )}
    />
  )
}

function cut(line: string): string {
  if (line.length <= shownCharsMax) return line
  return `${line.slice(0, shownCharsMax)}… (${line.length} characters)`
}
