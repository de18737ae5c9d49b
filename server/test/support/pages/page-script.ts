/** The script's tag in a page of a server's project. Attributes that are undefined are left out. */
export function pageScript(
  url: string,
  { channelId, pageKey }: { readonly channelId?: string; readonly pageKey?: string },
): string {
  const channel = channelId === undefined ? '' : ` data-channel="${channelId}"`
  const key = pageKey === undefined ? '' : ` data-key="${pageKey}"`
  return `<script src="${url}/applab.js"${channel}${key}></script>`
}
