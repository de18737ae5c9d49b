/** Ways of a browser to reach other servers that no Content-Security-Policy of today closes. */
const waysOut = /^(webkit|moz)?RTC|^WebTransport/

/**
 * Takes away from the program what its frame's policy does not: WebRTC would send anything, such as
 * the page key, to a server of the program's choice. A frame within the frame would have its own.
 */
export function closeWaysOut(): void {
  for (const name of Object.getOwnPropertyNames(window)) {
    if (waysOut.test(name)) Reflect.deleteProperty(window, name)
  }
  removeFrames()
}

/** Frames and plug-ins get no time to load: their scripts would run in windows of their own. */
function removeFrames(): void {
  const windows = 'iframe, frame, object, embed, portal, fencedframe'
  new MutationObserver(() => {
    for (const found of document.querySelectorAll(windows)) found.remove()
  }).observe(document, { childList: true, subtree: true })
}
