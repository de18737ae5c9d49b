import { execFileSync } from 'node:child_process'
import { type Browser, chromium } from 'playwright-core'

/** The first without windows at all: it starts in half the time. */
const names = [
  'chromium-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
]

/** The Chromium of this machine, without a window. Throws a sentence if there is none. */
export function launchChromium(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM_PATH ?? names.map(find).find((path) => path !== '')
  if (executablePath === undefined) {
    throw new Error(
      'There is no Chromium here: run `apt-get install chromium`, or name one in CHROMIUM_PATH.',
    )
  }
  // Its sandbox does not work for root, and containers run as root.
  const chromiumSandbox = process.getuid?.() !== 0
  // Frames that run programs get a process of their own, as in a browser with windows; without a
  // window, sites are not always isolated, and a program without end would stop the page too.
  const args = ['--enable-features=IsolateSandboxedIframes', '--site-per-process']
  return chromium.launch({ executablePath, chromiumSandbox, args })
}

/** The path of a program; '' if it is missing. */
function find(name: string): string {
  try {
    return execFileSync('which', [name], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}
