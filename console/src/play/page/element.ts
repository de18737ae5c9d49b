type Attributes = Readonly<Record<string, string>>

/** Makes an element. Text stays text: nothing here is ever read as HTML. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes,
  ...content: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value)
  made.append(...content)
  return made
}

export function button(
  label: string,
  attributes: Attributes,
  onClick: () => void,
): HTMLButtonElement {
  const made = element('button', { type: 'button', ...attributes }, label)
  made.addEventListener('click', onClick)
  return made
}

/** The element of the page with this id. Throws where the page and its script don't fit. */
export function find<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id)
  if (found instanceof kind) return found
  throw new TypeError(`The page has no ${kind.name} #${id}.`)
}

/** The form within the element of this id. */
export function formIn(id: string): HTMLFormElement {
  const form = find(id, HTMLElement).querySelector('form')
  if (form) return form
  throw new TypeError(`The page has no form in #${id}.`)
}
