import { type ApifyHandler, type ApifyRoute, defaultRateLimit } from '../call/call.ts'
import { resourceNotFound } from '../call/errors.ts'

/**
 * Resources of Apify's platform that Coatcheck does not have, by their segment of the path.
 * Coatcheck runs no Actors, so the reply is always 404, also for the store of a last run.
 */
const resources: ReadonlyMap<string, string> = new Map([
  ['actor-runs', 'Actor run'],
  ['actors', 'Actor'],
  ['acts', 'Actor'],
  ['actor-tasks', 'Actor task'],
  ['actor-runtime', 'Actor runtime'],
])

/**
 * The route of a path at or below such a resource, whatever the rest of the path is. The clients
 * ask for runs by themselves. They continue after `record-not-found`, but not after
 * `page-not-found`.
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
