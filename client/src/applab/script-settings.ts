import type { AppLabOptions } from './app-lab.ts'
import type { DoneCall } from './page/page-calls.ts'
import { pageConsole } from './page/page-console.ts'
import { webPage } from './page/web-page.ts'

const example = '<script src="http://HOST/applab.js" data-channel="..." data-key="..."></script>'

/**
 * What the script's own tag says: `src` which server, `data-channel` and `data-key` which project,
 * `data-announce` that the window around the page hears of calls. Undefined where that is not
 * enough, which the console has been told.
 */
export function scriptSettings(): AppLabOptions | undefined {
  const script = webPage().document?.currentScript
  if (!script?.src) return complain(`applab.js does not know its server. Load it by ${example}`)
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

/** Says nothing but the key: what the value is, only who may read it can ask. */
function tellParent({ kind, key }: DoneCall): void {
  webPage().parent?.postMessage({ type: 'coatcheck-applab', kind, key }, '*')
}
