import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DataFolder, DataFolderError, FolderInUseError, readLocalServer } from './data-folder.ts'

const server = { url: 'http://127.0.0.1:8288', secret: 'secret' }

describe('a data folder', () => {
  let path: string
  let file: string

  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'coatcheck-folder-'))
    file = join(path, 'local-server')
  })

  afterEach(() => rmSync(path, { recursive: true }))

  it('is open in one process at a time, and another one can wait for it', async () => {
    const first = await DataFolder.open(path)
    await expect(DataFolder.open(path)).rejects.toThrow(FolderInUseError)
    let hasSecond = false
    const opening = DataFolder.open(path, { patienceMs: 60_000 }).then((second) => {
      hasSecond = true
      return second
    })
    await expect(DataFolder.open(path, { patienceMs: 1 })).rejects.toThrow(FolderInUseError)
    expect(hasSecond).toBe(false)
    first.close()
    ;(await opening).close()
    ;(await DataFolder.open(path)).close()
  })

  it('says where its server is, in a file that only its owner can read', async () => {
    const folder = await DataFolder.open(path)
    writeFileSync(file, 'of somebody else', { mode: 0o666 })
    folder.writeLocalServer(server)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(server)
    expect(readLocalServer(path)).toEqual(server)
    folder.removeLocalServer()
    folder.removeLocalServer()
    expect(readLocalServer(path)).toBeUndefined()
    folder.close()
  })

  it('forgets a killed server that had it open before', async () => {
    const killed = await DataFolder.open(path)
    killed.writeLocalServer(server)
    killed.close()
    expect(existsSync(file)).toBe(true)
    const next = await DataFolder.open(path)
    expect(existsSync(file)).toBe(false)
    next.close()
  })

  it('is unlocked again if the file of the server before can not be removed', async () => {
    mkdirSync(file)
    await expect(DataFolder.open(path)).rejects.toThrow(DataFolderError)
    rmSync(file, { recursive: true })
    ;(await DataFolder.open(path)).close()
  })

  it.each(['', '{', 'null', '[]', '"x"', '{"url":1,"secret":"s"}', '{"url":"x","secret":"s"}'])(
    'knows no server if the file holds %j',
    (text) => {
      writeFileSync(file, text)
      expect(readLocalServer(path)).toBeUndefined()
    },
  )

  it('tells whether it holds a file, and creates nothing', () => {
    writeFileSync(join(path, 'here'), '')
    expect(DataFolder.holds(path, 'here')).toBe(true)
    expect(DataFolder.holds(path, 'absent/deep')).toBe(false)
    expect(DataFolder.holds(join(path, 'absent'), 'here')).toBe(false)
    expect(DataFolder.holds(join(path, 'here'), 'inside')).toBe(false)
    expect(existsSync(join(path, 'absent'))).toBe(false)
  })
})
