import { type ApifyHandler, type ApifyRoute, defaultRateLimit } from '../call/call.ts'
import { resourceNotFound } from '../call/errors.ts'

/**
 * What Apify's platform has besides storages, by its place in the path. Coatcheck runs no Actors,
 * so none of these is ever found: neither itself nor the store of its last run.
 */
const resources: ReadonlyMap<string, string> = new Map([
  ['actor-runs', 'Actor run'],
  ['actors', 'Actor'],
  ['acts', 'Actor'],
  ['actor-tasks', 'Actor task'],
  ['actor-runtime', 'Actor runtime'],
])

/**
 * The endpoint of a path at or below one such resource, whatever stands there: the clients ask for
 * runs by themselves and go on where there is none, which "there is no such page" would not tell.
 */
export function getPlatformRoute([root, version, kind, id]: readonly string[]):
  | ApifyRoute
  | undefined {
  const resource = resources.get(kind ?? '')
  if (root !== '' || version !== 'v2' || resource === undefined || !id) return undefined
  const refuse: ApifyHandler = async () => {
    throw resourceNotFound(`${resource} was not found`)
  }
  return {
    path: `/v2/${kind}/:id`,
    rateLimit: defaultRateLimit,
    methods: { GET: refuse, PUT: refuse, POST: refuse, DELETE: refuse },
  }
}
