import type { HttpReply, HttpRequest } from '../../transport/exchange.ts'
import { useGet } from './web-files.ts'

/** `GET /`: what runs here, and how to store a first record. */
export function welcomePage({ method, baseUrl }: HttpRequest): HttpReply {
  if (method !== 'GET' && method !== 'HEAD') return useGet()
  const body = Buffer.from(pageOf(escapeHtml(baseUrl)))
  const headers = {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': body.length,
    'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
    'X-Content-Type-Options': 'nosniff',
  }
  return { status: 200, headers, body }
}

function pageOf(url: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Coatcheck</title>
<style>
  :root { color-scheme: light dark; --line: light-dark(#ddd, #444); --code: light-dark(#f6f6f4, #222) }
  body { font: 16px/1.6 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
  h1 { margin-bottom: 0 } h2 { margin-top: 2rem; font-size: 1.1rem }
  pre { background: var(--code); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem;
    overflow-x: auto; font-size: 14px; line-height: 1.5 }
</style>
<h1>Coatcheck</h1>
<p>A key-value store runs here. It speaks the API of Apify's key-value stores at <code>${url}/v2</code>.
A store with a name is kept; a store without a name is deleted after 7 days without use, unless this server
is configured differently.</p>
<p>You need a token. That of the first start is in the file <code>first-token</code> of the data folder.</p>
<h2>Try App Lab's functions</h2>
<p>At <a href="play">${url}/play</a> you write programs with <code>setKeyValue</code> and <code>getKeyValue</code>, run
them and watch their data, with nothing to install.</p>
<h2>Store a first record with curl</h2>
<pre>URL=${url} TOKEN=...   # your token
curl -X POST -H "Authorization: Bearer $TOKEN" \\
  "$URL/v2/key-value-stores?name=my-first-store"
curl -X PUT -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" -d '{"hello":"world"}' \\
  "$URL/v2/key-value-stores/~my-first-store/records/GREETING"
curl -H "Authorization: Bearer $TOKEN" \\
  "$URL/v2/key-value-stores/~my-first-store/records/GREETING"</pre>
<h2>Store a first record with apify-client</h2>
<pre>import { ApifyClient } from 'apify-client'
const token = '...' // your token
const client = new ApifyClient({ baseUrl: '${url}', token })
const { id } = await client.keyValueStores().getOrCreate('my-first-store')
const store = client.keyValueStore(id)
await store.setRecord({ key: 'GREETING', value: { hello: 'world' } })
console.log((await store.getRecord('GREETING')).value)</pre>
<h2>Open a first session as NemesisDB's clients do</h2>
<pre>const socket = new WebSocket('${url.replace(/^http/, 'ws')}/nemesis')
socket.onmessage = ({ data }) =&gt; console.log(data)
socket.onopen = () =&gt; socket.send('{"SH_NEW":{"name":"my first session"}}')</pre>
</html>
`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
