import { useQuery } from '@tanstack/react-query'
import { ask } from './ask.ts'
import { useSession } from './use-session.ts'

export type Action = 'read' | 'write' | 'manage'

/** The signed-in user, and what the token is for. */
export interface Me {
  readonly id: string
  readonly username: string
  readonly isAdmin: boolean
  readonly generalAccess: 'RESTRICTED' | 'ANYONE_WITH_ID_CAN_READ'
  readonly token: {
    readonly id: string | null
    readonly scope: {
      readonly action: Action
      readonly storeId: string | null
      readonly keyPrefix: string | null
    }
  }
}

/** Undefined until the server has answered. */
export function useMe(): Me | undefined {
  const { token } = useSession()
  const { data } = useQuery({
    queryKey: ['me', token],
    queryFn: async () => Object(await ask('GET', '/coatcheck/v1/me')) as Me,
    enabled: token !== undefined,
    staleTime: 60_000,
  })
  return data
}

/** Whether the token may do this with all of the user's stores. */
export function mayInAll(me: Me | undefined, action: Action): boolean {
  if (!me) return false
  const { scope } = me.token
  return scope.storeId === null && actions.indexOf(scope.action) >= actions.indexOf(action)
}

const actions: readonly Action[] = ['read', 'write', 'manage']
