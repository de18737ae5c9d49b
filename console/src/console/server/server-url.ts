/** The server that sent this page. A proxy may have added a prefix to its path. */
export const serverUrl = new URL('.', document.baseURI).href.replace(/\/$/, '')
