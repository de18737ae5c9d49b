import { describe, expect, it } from 'vitest'
import { isLoopbackHost } from './loopback.ts'

describe('a host', () => {
  it.each([
    'http://localhost:8288',
    'http://a.localhost',
    'http://127.0.0.1',
    'http://127.1.2.3',
    'http://[::1]:1',
  ])('is only this computer in %s', (url) => {
    expect(isLoopbackHost(new URL(url).hostname)).toBe(true)
  })

  it.each([
    'http://192.168.1.20:8288',
    'https://127.0.0.1.example.com',
    'http://localhost.example',
    'http://[fe80::1]',
  ])('is one that others may reach in %s', (url) => {
    expect(isLoopbackHost(new URL(url).hostname)).toBe(false)
  })
})
