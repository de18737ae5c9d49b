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

/**
 * Frames and plug-ins get no time to load: their scripts would run in windows of their own. What
 * this calls later is bound now: the program may replace the browser's functions.
 */
function removeFrames(): void {
  const windows = 'iframe, frame, object, embed, portal, fencedframe'
  const findIn = bound(DocumentFragment.prototype.querySelector)
  const findInPage = document.querySelector.bind(document)
  const remove = bound(Element.prototype.remove)
  const observe = bound(MutationObserver.prototype.observe)
  const Observer = MutationObserver
  const watch = (root: Node, findWindow: () => Element | null): void => {
    const observer = new Observer(() => {
      for (let found = findWindow(); found; found = findWindow()) remove(found)
    })
    observe(observer, root, { childList: true, subtree: true })
  }
  watch(document, () => findInPage(windows))
  // An observer of the page sees nothing in a shadow tree.
  const attach = bound(Element.prototype.attachShadow)
  Element.prototype.attachShadow = function (init: ShadowRootInit): ShadowRoot {
    const root = attach(this, init)
    watch(root, () => findIn(root, windows))
    return root
  }
  removeShadowMakers()
}

/** They make shadow trees of a text, without attachShadow(). */
function removeShadowMakers(): void {
  for (const maker of [Element.prototype, ShadowRoot.prototype, Document]) {
    for (const name of Object.getOwnPropertyNames(maker)) {
      if (name.endsWith('HTMLUnsafe')) Reflect.deleteProperty(maker, name)
    }
  }
  // Programs for learners may call these, so they have to say something.
  for (const name of ['write', 'writeln'] as const) {
    Document.prototype[name] = () =>
      console.warn(`WARNING: document.${name}() does nothing here: use console.log().`)
  }
}

/** A method as a function whose first argument is the object. */
function bound<This, Args extends unknown[], Result>(
  method: (this: This, ...args: Args) => Result,
): (on: This, ...args: Args) => Result {
  return Function.prototype.call.bind(method)
}
