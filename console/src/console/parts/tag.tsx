import { type ReactNode, useState } from 'react'
import { Button } from 'react-aria-components'
import { Icon } from './icon.tsx'

const toldMs = 1_500

/** An id, which a click copies. */
export function Tag({ id, label }: { readonly id: string; readonly label: string }): ReactNode {
  const [isCopied, setCopied] = useState(false)
  const copy = async (): Promise<void> => {
    await copyText(id)
    setCopied(true)
    setTimeout(() => setCopied(false), toldMs)
  }
  return (
    <Button
      className="tag"
      aria-label={isCopied ? `${label} is copied` : `Copy ${label} ${id}`}
      onPress={copy}
    >
      {id}
      <Icon name={isCopied ? 'check' : 'copy'} />
    </Button>
  )
}

/** Copies a text; also on pages without TLS, where browsers have no clipboard for scripts. */
export async function copyText(text: string): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text)
    return
  }
  const area = document.createElement('textarea')
  area.value = text
  const host = document.activeElement?.closest('[role=dialog]') ?? document.body
  host.append(area)
  area.select()
  document.execCommand('copy')
  area.remove()
}
