import { describe, expect, it } from 'vitest'
import { ConfigError, readConfig } from './config.ts'

function allowedHosts(text: string): readonly string[] {
  return readConfig(['--allowed-hosts', text], {}).allowedHosts
}

describe('--allowed-hosts', () => {
  it('is empty where it is not set', () => {
    expect(readConfig([], {}).allowedHosts).toEqual([])
    expect(allowedHosts(' , ')).toEqual([])
  })

  it('holds names as URLs spell them, without their ports', () => {
    expect(allowedHosts('a.example, B.Example.:8288,[::1]:80,FD00::A')).toEqual([
      'a.example',
      'b.example',
      '[::1]',
      '[fd00::a]',
    ])
  })

  it('can be a variable too', () => {
    const { allowedHosts } = readConfig([], { COATCHECK_ALLOWED_HOSTS: 'a.example,b.example' })
    expect(allowedHosts).toEqual(['a.example', 'b.example'])
  })

  it.each(['https://a.example', 'a.example/path', '*', '*.example', 'a b', 'a..b', 'a:port'])(
    'takes no %j',
    (text) => {
      expect(() => allowedHosts(`ok.example,${text}`)).toThrow(ConfigError)
    },
  )
})
