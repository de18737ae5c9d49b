import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createTestFolder } from '../../test/support/data/test-folder.ts'
import { withoutPasswords } from './arguments/passwords.ts'
import { ConfigError, readConfig } from './config.ts'

function allowedHosts(text: string): readonly string[] {
  return readConfig(['--allowed-hosts', text], {}).allowedHosts
}

describe('--allowed-hosts', () => {
  it('is empty by default', () => {
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
    'refuses %j',
    (text) => {
      expect(() => allowedHosts(`ok.example,${text}`)).toThrow(ConfigError)
    },
  )
})

describe('--applab-auto-create', () => {
  it('is on by default only if no other machine can reach the server', () => {
    expect(readConfig([], {}).applabAutoCreate).toBe(true)
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'store.example.com']) {
      expect(readConfig(['--host', host], {}).applabAutoCreate, host).toBe(false)
    }
    for (const host of ['localhost', '::1', '127.0.0.2']) {
      expect(readConfig(['--host', host], {}).applabAutoCreate, host).toBe(true)
    }
    expect(readConfig(['--applab-auto-create', 'off'], {}).applabAutoCreate).toBe(false)
    const set = { COATCHECK_APPLAB_AUTO_CREATE: 'on' }
    expect(readConfig(['--host', '0.0.0.0'], set).applabAutoCreate).toBe(true)
  })

  it('takes no other value', () => {
    expect(() => readConfig(['--applab-auto-create', 'yes'], {})).toThrow(/neither on nor off/)
  })
})

describe('--applab-pairs-max', () => {
  it('is 20,000 by default', () => {
    expect(readConfig([], {}).applabPairsMax).toBe(20_000)
    expect(readConfig(['--applab-pairs-max', '3'], {}).applabPairsMax).toBe(3)
  })

  it.each(['0', '1e3', '1.5', 'many', '1000001'])('can not be %s', (text) => {
    expect(() => readConfig(['--applab-pairs-max', text], {})).toThrow(/must be a number of pairs/)
  })
})

describe('--durability', () => {
  it('is "any" by default', () => {
    expect(readConfig([], {}).durability).toBe('any')
    expect(readConfig(['--durability', 'replicated'], {}).durability).toBe('replicated')
    expect(readConfig([], { COATCHECK_DURABILITY: 'single' }).durability).toBe('single')
  })

  it('takes no other value', () => {
    expect(() => readConfig(['--durability', 'both'], {})).toThrow(/--durability is "both"/)
  })
})

describe('--engine', () => {
  it('is lmdb by default', () => {
    expect(readConfig([], {})).toMatchObject({ engine: 'lmdb', isEngineGiven: false })
    const given = readConfig(['--engine', 'lmdb'], {})
    expect(given).toMatchObject({ engine: 'lmdb', isEngineGiven: true })
    expect(readConfig([], { COATCHECK_ENGINE: 'memory' })).toMatchObject({ engine: 'memory' })
  })

  it.each(['postgres://user@db/x', 'postgresql://user@one:5432,two:5433/x'])(
    'may be %s',
    (text) => {
      const config = readConfig(['--engine', text], {})
      expect(config).toMatchObject({ engine: 'postgresql', warnings: [] })
      expect(config.database).toBeDefined()
    },
  )

  it('gives a warning if all users of the machine can read its password', () => {
    const text = 'postgres://user:canary@db/x'
    const [warning, ...more] = readConfig(['--engine', text], {}).warnings
    expect(warning).toMatch(/list of processes/)
    expect(warning).not.toContain('canary')
    expect(more).toEqual([])
    expect(readConfig([], { COATCHECK_ENGINE: text }).warnings).toEqual([])
  })

  it.each([
    ['--engine', 'postgres//user:canary@db/x'],
    ['--engine', 'postgress://user:canary@db/x'],
    ['--engine', 'mysql://user:canary@db/x'],
    ['--engine', 'postgres://user:/canary@db/x'],
    ['--engine', 'postgres://user:?canary@db/x'],
    ['--engine', 'postgres://user:#canary@db/x'],
    ['--engine', 'postgres://user:@x/canary@db/x'],
    ['--engine', 'postgres://user:%%canary@db/x'],
    ['--engine', 'postgres://user:canary@db:x/x'],
    ['--engine', 'postgres://user:canary@db/x?sslpassword=canary'],
    ['--engines', 'postgres://user:canary@db/x'],
    ['postgres://user:canary@db/x'],
    ['postgres//user:canary@db/x'],
  ])('is wrong without its password in the error: %s', (...args) => {
    let message = ''
    try {
      readConfig(args, {})
    } catch (error) {
      message = String(error)
    }
    expect(message).toMatch(/^(ConfigError|ArgumentsError): /)
    expect(message).not.toContain('canary')
  })
})

it.each([
  ['postgres://user:secret@db/x', 'postgres://user:***@db/x'],
  ['at postgres://u:p@ss:w/or?d@a,b/x is', 'at postgres://u:***@a,b/x is'],
  ['postgres://db/x?user=u&password=secret', 'postgres://db/x?user=u&password=***'],
  ['postgres://user@db:5432/x', 'postgres://user@db:5432/x'],
  ['http://127.0.0.1:8288/a@b', 'http://127.0.0.1:8288/a@b'],
])('a text shows no password: %s', (text, shown) => {
  expect(withoutPasswords(text)).toBe(shown)
})

describe('--config', () => {
  function configIn(bytes: string | Buffer): ReturnType<typeof readConfig> {
    const file = join(createTestFolder(), 'config.json')
    writeFileSync(file, bytes)
    return readConfig(['--config', file], {})
  }

  // RFC 8259, 8.1: a parser may ignore a byte order mark, which some editors write.
  it('may name a file that begins with a byte order mark', () => {
    expect(configIn('\ufeff{"port": 9000}').port).toBe(9_000)
  })

  it('names no file in another encoding: the error says so', () => {
    for (const bytes of [
      Buffer.from('\ufeff{"port": 9000}', 'utf16le'),
      Buffer.from([0x7b, 0xff]),
    ]) {
      expect(() => configIn(bytes)).toThrow(/config\.json is not UTF-8 text/)
    }
    expect(() => configIn('\ufeff\ufeff{}')).toThrow(ConfigError)
  })
})
