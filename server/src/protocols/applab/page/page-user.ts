import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Environment } from '../../../core/kernel/environment.ts'
import type { Project } from '../../../core/pages/project.ts'

/**
 * The user ids that pages send: the id, a dot, and a proof that this server issued the id for this
 * project. DO NOT CHANGE: pages keep their ids for years.
 */

const userIdBytes = 16
const proofBytes = 16
const form = /^([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{22})$/

type Issuer = Pick<Project, 'channelId' | 'userSecret'>

/** 128 random bits: 22 characters of base64url. */
export function createUserId(environment: Environment): string {
  return Buffer.from(environment.randomBytes(userIdBytes)).toString('base64url')
}

/** The signed id that a page sends from now on. */
export function signedUserId(userId: string, issuer: Issuer): string {
  return `${userId}.${proofOf(userId, issuer)}`
}

/** The user id in what a page sent; undefined: this project has not issued it. */
export function userIdOf(signed: string | undefined, issuer: Issuer): string | undefined {
  const [, userId = '', proof = ''] = form.exec(signed ?? '') ?? []
  return userId !== '' && isSameText(proof, proofOf(userId, issuer)) ? userId : undefined
}

/** Compares secrets: for texts of one length, the duration does not show where they differ. */
export function isSameText(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)]
  return left.length === right.length && timingSafeEqual(left, right)
}

function proofOf(userId: string, { channelId, userSecret }: Issuer): string {
  const digest = createHmac('sha256', userSecret).update(`${channelId}\n${userId}`).digest()
  return digest.subarray(0, proofBytes).toString('base64url')
}
