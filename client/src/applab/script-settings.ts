import type { AppLabOptions } from './app-lab.ts'
import type { DoneCall } from './page/page-calls.ts'
import { pageConsole } from './page/page-console.ts'
import { webPage } from './page/web-page.ts'

const example = '<script src="http://HOST/applab.js" data-channel="..." data-key="..."></script>'

/**
 * The settings in the script's own tag: `src` names the server, `data-channel` and `data-key` name
 * the project. With `data-announce`, the window around the page is told of calls. Undefined if a
 * setting is missing; then there is an error in the console.
 */
export function scriptSettings(): AppLabOptions | undefined {
  const script = webPage().document?.currentScript
  if (!script?.src) return complain(`applab.js does not know its server. Load it with ${example}`)
  const { channel, key, announce } = script.dataset
  const channelId = channel?.trim()
  if (!channelId) {
    return complain(`applab.js needs data-channel, the channel id of your project: ${example}`)
  }
  return {
    baseUrl: new URL('.', script.src),
    channelId,
    pageKey: key?.trim() || undefined,
    onDone: announce === undefined ? undefined : tellParent,
  }
}

function complain(message: string): undefined {
  pageConsole.error(message, undefined)
}

/** Tells the key, but not the value: that needs the right to read it. */
function tellParent({ kind, key }: DoneCall): void {
  webPage().parent?.postMessage({ type: 'coatcheck-applab', kind, key }, '*')
}
