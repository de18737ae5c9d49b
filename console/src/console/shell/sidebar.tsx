import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useAddress } from '../address/use-address.ts'
import { Icon } from '../parts/icon.tsx'
import type { IconName } from '../parts/icon-names.ts'
import { Menu } from '../parts/menu.tsx'
import { useMe } from '../server/me.ts'
import { serverUrl } from '../server/server-url.ts'
import { session } from '../server/session.ts'

/** The main places. Those of the server are for admins. */
export function Sidebar(): ReactNode {
  const me = useMe()
  return (
    <nav className="side" aria-label="Main">
      <Brand />
      <Place to="#/storage/key-value-stores" section="storage" icon="database">
        Storage
      </Place>
      <a href="play">
        <Icon name="play" />
        Play
      </a>
      <div className="grow" />
      <Who username={me?.username ?? ''} />
    </nav>
  )
}

function Brand(): ReactNode {
  return (
    <div className="brand">
      <svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">
        <path
          d="M7 2h8a3 3 0 0 1 3 3v12a3 3 0 0 1-3 3H7a3 3 0 0 1-3-3V5a3 3 0 0 1 3-3z"
          fill="var(--accent)"
        />
        <circle cx="11" cy="6.5" r="2" fill="var(--shade)" />
        <path
          d="M7.5 13h7M7.5 16h4.5"
          stroke="var(--on-accent)"
          strokeWidth="1.6"
          strokeLinecap="round"
        />
      </svg>
      Coatcheck
    </div>
  )
}

interface PlaceProps {
  readonly to: string
  /** The beginning of the paths for which it is the current place. */
  readonly section: string
  readonly icon: IconName
  readonly isWide?: boolean
  readonly children: ReactNode
}

function Place({ to, section, icon, isWide = false, children }: PlaceProps): ReactNode {
  const { path } = useAddress()
  const isHere = path.join('/').startsWith(section) || (path.length === 0 && section === 'storage')
  return (
    <a href={to} className={isWide ? 'wide' : ''} {...(isHere && { 'aria-current': 'page' })}>
      <Icon name={icon} />
      {children}
    </a>
  )
}

function Who({ username }: { readonly username: string }): ReactNode {
  const { data } = useQuery({ queryKey: ['health'], queryFn: readHealth, staleTime: 30_000 })
  const actions = [
    { name: 'Sign out', icon: 'log-out' as const, onAction: () => session.signOut() },
  ]
  return (
    <div className="who">
      <span className={data?.status === 'ok' ? 'dot' : 'dot warn'} />
      <div className="who-name">
        <div>{username}</div>
        <div className="soft">{data ? placeText(data) : ''}</div>
      </div>
      <Menu label={`Account of ${username}`} isSmall actions={actions} />
    </div>
  )
}

interface Health {
  readonly status: string
  readonly engine: string
  readonly durability: string
}

/** The server answers 503 with the same members while it does not serve. */
async function readHealth(): Promise<Health> {
  const answer = await fetch(`${serverUrl}/health`, { cache: 'no-store' })
  return answer.json()
}

/** Where the data is, in words. */
function placeText({ engine, durability }: Health): string {
  const names: Readonly<Record<string, string>> = {
    lmdb: 'LMDB, on this disk',
    memory: 'In memory: nothing is kept',
    postgresql: durability === 'replicated' ? 'PostgreSQL, replicated' : 'PostgreSQL',
  }
  return names[engine] ?? engine
}
