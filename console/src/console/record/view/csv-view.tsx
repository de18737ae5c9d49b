import { parse } from 'papaparse'
import { type ReactNode, useMemo } from 'react'
import { countOf } from '../../format/format.ts'
import { Lines } from './lines.tsx'

const columnsMax = 200

/** CSV as a table. Its first row is the head. */
export function CsvView({ text }: { readonly text: string }): ReactNode {
  const { rows, mistake } = useMemo(() => {
    const { data, errors } = parse(text, { skipEmptyLines: true })
    const wrong = errors.find(({ type }) => type !== 'Delimiter')
    return { rows: data, mistake: wrong && `Row ${(wrong.row ?? 0) + 1}: ${wrong.message}` }
  }, [text])
  const [head = [], ...body] = rows
  const columns = Math.min(columnsMax, Math.max(1, head.length))
  const style = { gridTemplateColumns: `56px repeat(${columns}, minmax(120px, 1fr))` }
  const width = { minWidth: 56 + columns * 120 }
  return (
    <>
      {mistake !== undefined && <p className="value-note">{mistake}</p>}
      <Lines
        label={`Value as a table: ${countOf(body.length, 'row')}, ${countOf(head.length, 'column')}`}
        count={body.length}
        linePx={28}
        head={
          <div className="csv-row head" style={{ ...style, ...width }}>
            <span className="csv-no" />
            {head.slice(0, columns).map((cell, at) => (
              <b key={at} title={cell}>
                {cell}
              </b>
            ))}
          </div>
        }
        lineAt={(index) => (
          <div key={index} className="csv-row" style={{ ...style, ...width }}>
            <span className="csv-no">{index + 1}</span>
            {(body[index] ?? []).slice(0, columns).map((cell, at) => (
              <span key={at} title={cell}>
                {cell}
              </span>
            ))}
          </div>
        )}
      />
    </>
  )
}
