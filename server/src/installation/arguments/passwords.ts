/** Replaces each password in the addresses of databases within a text by `***`. */
export function withoutPasswords(text: string): string {
  return text
    .replace(/(?<!\b(?:https?|wss?):)(\/\/[^\s:@/?]*):[^\s]*@/g, '$1:***@')
    .replace(/([?&](?:ssl)?password=)[^\s&'"]*/gi, '$1***')
}

export function holdsPassword(text = ''): boolean {
  return withoutPasswords(text) !== text
}
