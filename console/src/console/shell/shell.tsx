import { lazy, type ReactNode, Suspense, useState } from 'react'
import { Toasts } from '../parts/toasts.tsx'
import { Banner } from './banner.tsx'
import { useShortcuts } from './shortcuts.ts'
import { Sidebar } from './sidebar.tsx'
import { TopBar } from './top-bar.tsx'

const Palette = lazy(() => import('./palette.tsx').then(({ Palette }) => ({ default: Palette })))
const KeyHelp = lazy(() => import('./key-help.tsx').then(({ KeyHelp }) => ({ default: KeyHelp })))

/** What surrounds every screen. */
export function Shell({ children }: { readonly children: ReactNode }): ReactNode {
  const [over, setOver] = useState<'palette' | 'keys' | undefined>()
  const close = (): void => setOver(undefined)
  useShortcuts({
    onPalette: () => setOver('palette'),
    onHelp: () => setOver('keys'),
  })
  return (
    <div className="shell">
      <a className="skip" href="#main" onClick={focusMain}>
        Skip to the content
      </a>
      <Sidebar />
      <main id="main" tabIndex={-1}>
        <TopBar onPalette={() => setOver('palette')} />
        <Banner />
        <Suspense fallback={null}>{children}</Suspense>
      </main>
      <Toasts />
      <Suspense fallback={null}>
        {over === 'palette' && <Palette onClose={close} />}
        {over === 'keys' && <KeyHelp onClose={close} />}
      </Suspense>
    </div>
  )
}

/** The link must not change the address behind `#`. */
function focusMain(event: { preventDefault(): void }): void {
  event.preventDefault()
  document.getElementById('main')?.focus()
}
