import { describe, expect, it } from 'vitest'
import { RouteTable } from './routes.ts'

const table = new RouteTable([
  { path: '/x/stores' },
  { path: '/x/stores/:store' },
  { path: '/x/stores/:store/keys' },
  { path: '/x/stores/:store/records/:key' },
  { path: '/x/users/me' },
  { path: '/x/users/:user' },
])

function get(path: string): readonly unknown[] | undefined {
  const found = table.get(path.split('/'))
  return found && [found.route.path, found.subject, found.key]
}

describe('a table of routes', () => {
  it('finds a route and the parameters of the path', () => {
    expect(get('/x/stores')?.[0]).toBe('/x/stores')
    expect(get('/x/stores/a')?.slice(0, 2)).toEqual(['/x/stores/:store', 'a'])
    expect(get('/x/stores/a/keys')?.slice(0, 2)).toEqual(['/x/stores/:store/keys', 'a'])
    expect(get('/x/stores/a/records/b')).toEqual(['/x/stores/:store/records/:key', 'a', 'b'])
  })

  it('takes the first route that fits', () => {
    expect(get('/x/users/me')?.[0]).toBe('/x/users/me')
    expect(get('/x/users/you')?.slice(0, 2)).toEqual(['/x/users/:user', 'you'])
  })

  it('splits at the slashes, and then decodes each segment once', () => {
    expect(get('/x/stores/a%7Eb/records/c%2Fd')?.slice(1)).toEqual(['a~b', 'c/d'])
    expect(get('/x/stores/a/records/%252F')?.slice(1)).toEqual(['a', '%2F'])
    expect(get('/x/st%6Fres/a')).toBeUndefined()
  })

  it('has no key if its segment can not be decoded', () => {
    expect(get('/x/stores/a/records/%ff')?.slice(1)).toEqual(['a', undefined])
  })

  it.each(['/x/stores/', '/x/stores//keys', '/x/stores//records/a', '/x/users/', '/', '', '/y'])(
    'finds nothing at %j',
    (path) => {
      expect(get(path)).toBeUndefined()
    },
  )

  it('leaves the meaning of an empty key to the handler', () => {
    expect(get('/x/stores/a/records/')?.slice(1)).toEqual(['a', ''])
  })
})
