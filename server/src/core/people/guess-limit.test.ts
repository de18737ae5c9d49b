import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { EngineError } from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { openTestDomain } from '../testing/test-domain.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { day, minute, second } from '../testing/times.ts'
import { GuessLimit } from './guess-limit.ts'
import { createToken } from './token-text.ts'

interface Limited {
  readonly environment: TestEnvironment
  readonly guesses: GuessLimit
  /** The error code for one more guess from `address`. */
  readonly hear: (address: string) => Promise<string>
  readonly guessWrong: (address: string, times: number) => void
}

function openLimit(): Limited {
  const environment = new TestEnvironment()
  const guesses = new GuessLimit(environment)
  return {
    environment,
    guesses,
    hear: (address) => codeOf((async () => guesses.assertMayGuess(address))()),
    guessWrong: (address, times) => {
      for (let guessed = 0; guessed < times; guessed += 1) guesses.noteWrong(address)
    },
  }
}

describe('an address that guesses tokens', () => {
  it('is refused after twenty wrong ones', async () => {
    const { hear, guessWrong } = openLimit()
    expect(await hear('1.2.3.4')).toBe('none')
    guessWrong('1.2.3.4', 19)
    expect(await hear('1.2.3.4')).toBe('none')
    guessWrong('1.2.3.4', 1)
    expect(await hear('1.2.3.4')).toBe('too-many-guesses')
    expect(await hear('1.2.3.4')).toBe('too-many-guesses')
  })

  it('is told what was guessed too often, and who is counted', () => {
    const guesses = new GuessLimit(new TestEnvironment(), 0, 'channel id', 'user')
    expect(() => guesses.assertMayGuess('user x')).toThrow(
      'Too many wrong channel ids came from this user: wait a minute.',
    )
  })

  it('is refused while twenty are being looked up, except for one of the same guesses again', async () => {
    const { guesses, hear } = openLimit()
    const { promise, resolve } = Promise.withResolvers<string>()
    const guess = (what: string): Promise<string> => guesses.during('1.2.3.4', what, () => promise)
    const first = Array.from({ length: 20 }, (_, number) => guess(`guess ${number}`))
    expect(await codeOf(guess('one more'))).toBe('too-many-guesses')
    expect(await hear('5.6.7.8')).toBe('none')
    const again = guess('guess 7')
    resolve('right')
    expect(new Set(await Promise.all([...first, again]))).toEqual(new Set(['right']))
    expect(await hear('1.2.3.4')).toBe('none')
  })

  it('is not charged for guesses that could not be looked up', async () => {
    const { guesses, hear } = openLimit()
    const fail = (): Promise<never> => Promise.reject(new EngineError('unavailable', 'Away.'))
    for (let guessed = 0; guessed < 30; guessed += 1) {
      await expect(guesses.during('1.2.3.4', `guess ${guessed}`, fail)).rejects.toThrow('Away.')
    }
    expect(await hear('1.2.3.4')).toBe('none')
  })

  it('may guess again a minute after the first guess', async () => {
    const { environment, hear, guessWrong } = openLimit()
    guessWrong('1.2.3.4', 1)
    environment.advance(30 * second)
    guessWrong('1.2.3.4', 19)
    environment.advance(30 * second - 1)
    expect(await hear('1.2.3.4')).toBe('too-many-guesses')
    environment.advance(1)
    expect(await hear('1.2.3.4')).toBe('none')
    guessWrong('1.2.3.4', 20)
    expect(await hear('1.2.3.4')).toBe('too-many-guesses')
  })

  it('is not refused for longer because the clock was set back', async () => {
    const { environment, hear, guessWrong } = openLimit()
    guessWrong('1.2.3.4', 20)
    environment.setClock(-day)
    expect(await hear('1.2.3.4')).toBe('too-many-guesses')
    environment.advance(minute)
    expect(await hear('1.2.3.4')).toBe('none')
  })

  it('does not affect other addresses', async () => {
    const { hear, guessWrong } = openLimit()
    guessWrong('1.2.3.4', 20)
    for (const other of ['1.2.3.5', '', '::ffff:1.2.3.4']) expect(await hear(other)).toBe('none')
  })

  it('is forgotten after ten thousand other addresses guessed wrong', async () => {
    const { hear, guessWrong } = openLimit()
    guessWrong('first', 20)
    guessWrong('second', 20)
    for (let other = 2; other < limits.guessersMax; other += 1) guessWrong(`${other}`, 1)
    expect(await hear('first')).toBe('too-many-guesses')
    guessWrong('first', 1)
    guessWrong('one more', 1)
    expect(await hear('first')).toBe('too-many-guesses')
    expect(await hear('second')).toBe('none')
  })
})

describe('a caller that guesses tokens', () => {
  const ownToken = 'a token that somebody thought of'
  const from = { peer: '1.2.3.4' }

  async function openGuessed() {
    const engine = new HurtEngine(new MemoryEngine())
    const domain = await openTestDomain(engine)
    await domain.users.createFirst(ownToken)
    const hear = (token: string, peer = from.peer): Promise<string> =>
      codeOf((async () => domain.access.authenticate(token, { peer }))())
    const guess = async (times: number): Promise<void> => {
      for (let guessed = 0; guessed < times; guessed += 1) {
        expect(await hear(`guess ${guessed}`)).toBe('token-invalid')
      }
    }
    return { ...domain, hurt: engine, hear, guess }
  }

  it('is told to wait after twenty wrong ones, for a minute', async () => {
    const { hear, guess, environment } = await openGuessed()
    await guess(20)
    expect(await hear('another')).toBe('too-many-guesses')
    expect(await hear('another', '1.2.3.5')).toBe('token-invalid')
    environment.advance(minute)
    expect(await hear('another')).toBe('token-invalid')
  })

  it('does not lock out the owner, whose own token was not used since the start', async () => {
    const { hear, guess } = await openGuessed()
    await guess(20)
    expect(await hear(ownToken)).toBe('none')
    expect(await hear('another')).toBe('too-many-guesses')
  })

  it('shares its guesses with its /64 of IPv6, which one customer has', async () => {
    const { hear } = await openGuessed()
    for (let n = 0; n < 20; n += 1) {
      expect(await hear(`guess ${n}`, `2001:db8:0:7::${n.toString(16)}`)).toBe('token-invalid')
    }
    expect(await hear('another', '2001:db8:0:7:ffff:ffff:ffff:ffff')).toBe('too-many-guesses')
    expect(await hear('another', '2001:db8:0:8::1')).toBe('token-invalid')
  })

  it('does not block a token from that address that was right before', async () => {
    const { hear, guess, environment } = await openGuessed()
    expect(await hear(ownToken)).toBe('none')
    await guess(20)
    environment.advance(30 * second)
    expect(await hear('another')).toBe('too-many-guesses')
    expect(await hear(ownToken)).toBe('none')
  })

  it('does not block a token from that address that is too long to guess', async () => {
    const { hear, guess, users, tokens } = await openGuessed()
    const { id: userId } = await users.find('owner')
    const wanted = { userId, name: '', expiresAt: undefined }
    const scope = { action: 'read', storeId: undefined, keyPrefix: undefined } as const
    const { text } = await tokens.create({ ...wanted, scope })
    await guess(20)
    expect(await hear(text)).toBe('none')
    expect(await hear(createToken(new TestEnvironment(2)))).toBe('token-invalid')
  })

  it('is charged for a revoked token', async () => {
    const { hear, tokens, access } = await openGuessed()
    expect(await hear(ownToken)).toBe('none')
    const principal = await access.authenticate(ownToken, from)
    await tokens.revoke(principal.kind === 'user' ? principal.tokenId : '')
    access.forget()
    expect(await hear(ownToken)).toBe('token-invalid')
    for (let guessed = 1; guessed < 20; guessed += 1) await hear(ownToken)
    expect(await hear(ownToken)).toBe('too-many-guesses')
  })

  it('is not charged while the storage fails', async () => {
    const { hear, hurt, guess } = await openGuessed()
    hurt.readFailure = new EngineError('unavailable', 'Injected.')
    for (let asked = 0; asked < 30; asked += 1) {
      expect(await hear(ownToken)).toBe('storage-unavailable')
    }
    hurt.readFailure = undefined
    await guess(20)
    expect(await hear('another')).toBe('too-many-guesses')
  })
})
