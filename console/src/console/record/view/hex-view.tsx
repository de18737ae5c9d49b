import type { ReactNode } from 'react'
import { Lines } from './lines.tsx'

const perLine = 16

/** Bytes, 16 in a line, and the letters among them. */
export function HexView({ bytes }: { readonly bytes: Uint8Array }): ReactNode {
  if (bytes.length === 0) return <p className="soft nothing">The value is empty.</p>
  return (
    <Lines
      label="Bytes of the value"
      count={Math.ceil(bytes.length / perLine)}
      lineAt={(at) => {
        const part = bytes.subarray(at * perLine, (at + 1) * perLine)
        return (
          <div key={at} className="line hex">
            <span className="line-no">{(at * perLine).toString(16).padStart(8, '0')}</span>
            <code>
              {hexOf(part).padEnd(perLine * 3 + 1)}
              <span className="string">{lettersOf(part)}</span>
            </code>
          </div>
        )
      }}
    />
  )
}

function hexOf(bytes: Uint8Array): string {
  const pairs = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))
  return `${pairs.slice(0, 8).join(' ')}  ${pairs.slice(8).join(' ')}`
}

function lettersOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·',
  ).join('')
}
