import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'
import { iconNames } from './src/console/parts/icon-names.ts'

const root = fileURLToPath(new URL('src/console/', import.meta.url))

/**
 * The console is served at `/` of the server, also behind a proxy that adds a prefix: so its files
 * name each other by relative paths. `npm run console` starts a server for development, which asks
 * the Coatcheck of this machine for all data.
 */
export default defineConfig({
  root,
  base: './',
  clearScreen: false,
  plugins: [iconSprite()],
  build: {
    outDir: fileURLToPath(new URL('../server/dist/pages/home/', import.meta.url)),
    emptyOutDir: true,
    assetsDir: 'console',
    // Browsers know this since 2022 or 2023: schools do not have the newest ones.
    target: 'es2022',
    // A strict policy allows no inline script, which the polyfill of older browsers would be.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  server: {
    proxy: Object.fromEntries(
      ['/v2', '/coatcheck', '/datablock_storage', '/health', '/play', '/applab'].map((path) => [
        path,
        process.env.COATCHECK_URL ?? 'http://127.0.0.1:8080',
      ]),
    ),
  },
})

/** Puts the icons that the console uses into its page: they need no request and no script. */
function iconSprite(): Plugin {
  const folder = createRequire(import.meta.url).resolve('lucide-static/package.json')
  const symbolOf = (name: string): string => {
    const svg = readFileSync(join(dirname(folder), 'icons', `${name}.svg`), 'utf8')
    const shapes = svg.match(/<(path|circle|rect|line|polyline|polygon|ellipse)\b[^>]*>/g) ?? []
    return `<symbol id="icon-${name}" viewBox="0 0 24 24">${shapes.join('')}</symbol>`
  }
  const sprite = `<svg class="sprite" aria-hidden="true">${iconNames.map(symbolOf).join('')}</svg>`
  return {
    name: 'icon-sprite',
    transformIndexHtml: (html) => html.replace('<body>', `<body>\n    ${sprite}`),
  }
}
