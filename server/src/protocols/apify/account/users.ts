import { requireUser } from '../../../core/access/access.ts'
import { isId } from '../../../core/kernel/ids.ts'
import type { User } from '../../../core/people/users.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { jsonReply } from '../../rest/replies.ts'
import type { ApifyCall } from '../call/call.ts'
import { resourceNotFound } from '../call/errors.ts'

/** The features of Apify's platform. The Python client requires each of them in the reply. */
const platformFeatures = [
  'ACTORS',
  'STORAGE',
  'SCHEDULER',
  'PROXY',
  'PROXY_EXTERNAL_ACCESS',
  'PROXY_RESIDENTIAL',
  'PROXY_SERPS',
  'WEBHOOKS',
  'ACTORS_PUBLIC_ALL',
  'ACTORS_PUBLIC_DEVELOPER',
] as const

/** GET /v2/users/me: the owner of the token. Throws `token-missing`. */
export async function getMe({ principal }: ApifyCall): Promise<HttpReply> {
  return jsonReply(200, { data: privateInfo(requireUser(principal)) })
}

/** GET /v2/users/{idOrUsername}: the public part of a user. */
export async function getUser(call: ApifyCall): Promise<HttpReply> {
  const user = await findUser(call)
  if (!user) throw resourceNotFound('User was not found')
  return jsonReply(200, { data: { username: user.username, profile: {} } })
}

/**
 * GET /v2/users/me/limits and /v2/users/me/usage/monthly: Coatcheck has no limits and no bills for
 * users, so the reply is a 404, which the clients take for "not found". Throws `token-missing`.
 */
export async function getNoAccount({ principal }: ApifyCall): Promise<HttpReply> {
  requireUser(principal)
  throw resourceNotFound('Coatcheck has no account limits and counts no usage')
}

async function findUser({ domain, subject: asked }: ApifyCall): Promise<User | undefined> {
  const byId = isId(asked) ? await domain.users.get(asked) : undefined
  return byId ?? domain.users.getByUsername(asked)
}

/** The typed clients require every member. An empty proxy password means: there is no proxy. */
function privateInfo({ id, username, createdAt }: User): Record<string, unknown> {
  const features = platformFeatures.map((name) => [
    name,
    feature({ isEnabled: name === 'STORAGE' }),
  ])
  return {
    id,
    username,
    profile: {},
    // Coatcheck stores no email addresses. This one is only well-formed: its domain takes no mail.
    email: `${id}@example.com`,
    proxy: { password: '', groups: [] },
    plan,
    effectivePlatformFeatures: Object.fromEntries(features),
    createdAt: new Date(createdAt).toISOString(),
    isPaying: false,
  }
}

/** Nobody pays, and Coatcheck has none of these resources: every amount is 0. */
const plan = {
  id: 'SELF_HOSTED',
  description: 'A server of your own',
  isEnabled: true,
  monthlyBasePriceUsd: 0,
  monthlyUsageCreditsUsd: 0,
  usageDiscountPercent: 0,
  enabledPlatformFeatures: ['STORAGE'],
  maxMonthlyUsageUsd: 0,
  maxActorMemoryGbytes: 0,
  maxMonthlyActorComputeUnits: 0,
  maxMonthlyResidentialProxyGbytes: 0,
  maxMonthlyProxySerps: 0,
  maxMonthlyExternalDataTransferGbytes: 0,
  maxActorCount: 0,
  maxActorTaskCount: 0,
  dataRetentionDays: 0,
  availableProxyGroups: {},
  teamAccountSeatCount: 0,
  supportLevel: 'NONE',
  availableAddOns: [],
} as const

function feature({ isEnabled }: { isEnabled: boolean }): Record<string, unknown> {
  return {
    isEnabled,
    disabledReason: isEnabled ? null : 'Coatcheck stores records and does nothing else.',
    disabledReasonType: isEnabled ? null : 'DISABLED',
    isTrial: false,
    trialExpirationAt: null,
  }
}
