import { describe, expect, it } from 'vitest'
import { TestEnvironment } from '../../../core/testing/test-environment.ts'
import { createUserId, isSameText, signedUserId, userIdOf } from './page-user.ts'

const issuer = { channelId: 'channel', userSecret: 'a-secret-of-the-project' }

describe('the id of a user of pages', () => {
  it('has 22 random characters, and is different each time', () => {
    const environment = new TestEnvironment()
    const ids = Array.from({ length: 100 }, () => createUserId(environment))
    expect(new Set(ids).size).toBe(100)
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{22}$/)
  })

  it('is recognized by the project that issued it', () => {
    const userId = createUserId(new TestEnvironment())
    const signed = signedUserId(userId, issuer)
    expect(signed).toMatch(/^[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{22}$/)
    expect(userIdOf(signed, issuer)).toBe(userId)
  })

  it('is ignored if it was made up, changed, or issued by another project', () => {
    const [one, other] = [new TestEnvironment(1), new TestEnvironment(2)].map(createUserId)
    const signed = signedUserId(one ?? '', issuer)
    expect(userIdOf(undefined, issuer)).toBeUndefined()
    expect(userIdOf('', issuer)).toBeUndefined()
    expect(userIdOf(one, issuer)).toBeUndefined()
    expect(userIdOf(`${one}.`, issuer)).toBeUndefined()
    expect(userIdOf(`${other}${signed.slice(22)}`, issuer)).toBeUndefined()
    expect(userIdOf(`${signed}A`, issuer)).toBeUndefined()
    expect(userIdOf(` ${signed}`, issuer)).toBeUndefined()
    expect(userIdOf(signed, { ...issuer, channelId: 'other' })).toBeUndefined()
    expect(userIdOf(signed, { ...issuer, userSecret: 'other' })).toBeUndefined()
  })

  it('is valid for years: the proof never changes', () => {
    const signed = 'AAAAAAAAAAAAAAAAAAAAAA.UnNGYSH2AJsvGgrsECoZwA'
    expect(signedUserId('AAAAAAAAAAAAAAAAAAAAAA', issuer)).toBe(signed)
  })
})

describe('comparing secrets', () => {
  it('says whether they are the same', () => {
    expect(isSameText('abc', 'abc')).toBe(true)
    expect(isSameText('abc', 'abd')).toBe(false)
    expect(isSameText('abc', 'ab')).toBe(false)
    expect(isSameText('ü', 'u')).toBe(false)
    expect(isSameText('', '')).toBe(true)
  })
})
