import { describe, expect, it } from 'vitest'
import { limits } from '../kernel/limits.ts'
import { codeOf } from '../testing/outcomes.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import {
  assertProjectChanges,
  changedProject,
  isChannelId,
  newProject,
  type PageRule,
  pagePresets,
} from './project.ts'

const refusal = (changes: Parameters<typeof assertProjectChanges>[0]): Promise<string> =>
  codeOf(Promise.resolve().then(() => assertProjectChanges(changes)))

const rulesOf = (rules: readonly PageRule[]): Promise<string> => refusal({ rules })

describe('a new project', () => {
  it('has a channel id of 128 bits and a page key, and allows only get and set', () => {
    const environment = new TestEnvironment()
    const project = newProject(environment, { isOpen: false })
    expect(project.channelId).toMatch(/^[A-Za-z0-9_-]{22}$/)
    expect(project.pageKey).toMatch(/^ck_page_[A-Za-z0-9]{32}$/)
    expect(project).toMatchObject({ isOpen: false, mayDelete: false, listPrefixes: [], rules: [] })
    const next = newProject(environment, { isOpen: true, channelId: 'mine' })
    expect(next).toMatchObject({ isOpen: true, channelId: 'mine' })
    expect(next.pageKey).not.toBe(project.pageKey)
    expect(project.userSecret).toMatch(/^[A-Za-z0-9]{32}$/)
    expect(next.userSecret).not.toBe(project.userSecret)
  })

  it('has no channel id that a command line would read as an option', () => {
    const environment = new TestEnvironment()
    const withHyphen = Buffer.alloc(16, 0xf8) // base64url writes its first six bits as a hyphen
    const drawn = [withHyphen, withHyphen]
    const drawFirst = (count: number): Buffer =>
      drawn.pop() ?? new TestEnvironment().randomBytes(count)
    environment.randomBytes = drawFirst
    const { channelId } = newProject(environment, { isOpen: true })
    expect(drawn).toEqual([])
    expect(channelId).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
  })

  it('may have a given channel id that fits into a path', () => {
    for (const id of ['a', '_-9Z', 'x'.repeat(100)]) expect(isChannelId(id)).toBe(true)
    for (const id of ['', 'x'.repeat(101), 'a b', 'a/b', '..', 'ä', 'a\n']) {
      expect(isChannelId(id)).toBe(false)
    }
  })
})

describe('changes of a project', () => {
  it('keep the settings that they do not name', () => {
    const environment = new TestEnvironment()
    const project = newProject(environment, { isOpen: true })
    const changed = changedProject(project, { mayDelete: true }, environment)
    expect(changed).toEqual({ ...project, mayDelete: true })
    const rotated = changedProject(project, { rotatesPageKey: true }, environment)
    expect(rotated).toEqual({ ...project, pageKey: rotated.pageKey })
    expect(rotated.pageKey).not.toBe(project.pageKey)
  })

  it('have rules with a key or a prefix, and with a known preset', async () => {
    for (const preset of pagePresets) {
      expect(await rulesOf([{ key: 'a {me}', preset }])).toBe('none')
      expect(await rulesOf([{ prefix: 'a', preset }])).toBe('none')
      const ofAll = preset === 'own-keys-only' ? 'page-rules-invalid' : 'none'
      expect(await rulesOf([{ key: 'a', preset }]), preset).toBe(ofAll)
    }
    expect(await rulesOf([{ prefix: '', preset: 'read-only' }])).toBe('none')
    const wrong: readonly unknown[] = [
      { preset: 'read-only' },
      { key: 'a', prefix: 'a', preset: 'read-only' },
      { key: 'a', preset: 'READ-ONLY' },
      { key: 'of/{you}', preset: 'own-keys-only' },
      { key: '\ud800', preset: 'read-only' },
      { prefix: 'k'.repeat(limits.recordKeyBytesMax + 1), preset: 'read-only' },
    ]
    for (const rule of wrong) {
      expect(await rulesOf([rule as PageRule]), JSON.stringify(rule)).toBe('page-rules-invalid')
    }
  })

  it('have one rule for each key, and not too many rules', async () => {
    const twice = [
      { key: 'a', preset: 'read-only' },
      { key: 'a', preset: 'write-once' },
    ] as const
    expect(await rulesOf(twice)).toBe('page-rules-invalid')
    expect(await rulesOf([twice[0], { prefix: 'a', preset: 'write-once' }])).toBe('none')
    const many = Array.from(
      { length: 101 },
      (_, at) => ({ key: `${at}`, preset: 'anything' }) as const,
    )
    expect(await rulesOf(many)).toBe('page-rules-invalid')
    expect(await rulesOf(many.slice(1))).toBe('none')
    const long = Array.from({ length: 10 }, (_, at) => `${at}`.repeat(2_000))
    expect(await refusal({ listPrefixes: long })).toBe('page-rules-invalid')
    expect(await refusal({ listPrefixes: [''] })).toBe('none')
  })
})
