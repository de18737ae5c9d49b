import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DataFolder, readLocalServer } from './data-folder.ts'
import { DataFolderError, FolderInUseError } from './folder-errors.ts'

const server = { url: 'http://127.0.0.1:8288', secret: 'secret' }

describe('a data folder', () => {
  let path: string
  let file: string

  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'coatcheck-folder-'))
    file = join(path, 'local-server')
  })

  afterEach(() => rmSync(path, { recursive: true }))

  it.each([0o777, 0o2777, 0o770, 0o775, 0o702, 0o720])(
    'is refused if other users may write there: mode %o',
    async (mode) => {
      chmodSync(path, mode)
      const text = (mode & 0o777).toString(8).padStart(4, '0')
      const opening = DataFolder.open(path, { isInsecureTaken: false })
      await expect(opening).rejects.toThrow(
        `The data folder ${path} is not safe: other users of this machine may write there ` +
          `(mode ${text}). Run chmod 700 ${path}, or use --insecure-folder ` +
          '(for commands COATCHECK_INSECURE_FOLDER=on).',
      )
      expect(readdirSync(path)).toEqual([])
      ;(await DataFolder.open(path, { isInsecureTaken: true })).close()
    },
  )

  it.runIf(process.getuid?.() === 0)(
    'with the sticky bit is refused only if another user made something there',
    async () => {
      chmodSync(path, 0o1777)
      ;(await DataFolder.open(path)).close()
      writeFileSync(join(path, 'planted'), '')
      chownSync(join(path, 'planted'), 12_345, 12_345)
      const why = 'another user of this machine made planted there'
      await expect(DataFolder.open(path)).rejects.toThrow(why)
    },
  )

  it.each([0o700, 0o755, 0o750, 0o1777])(
    'is accepted if others may not write there: mode %o',
    async (mode) => {
      chmodSync(path, mode)
      ;(await DataFolder.open(path)).close()
    },
  )

  it('takes the rights of other users from files that an older version made', async () => {
    const files = ['lock', 'first-token', 'lmdb/data.mdb', 'lmdb/lock.mdb', 'lmdb/journal']
    mkdirSync(join(path, 'lmdb'))
    for (const name of files) writeFileSync(join(path, name), '')
    for (const name of files) chmodSync(join(path, name), 0o666)
    const folder = await DataFolder.open(path)
    const modes = files.map((name) => statSync(join(path, name)).mode & 0o777)
    expect(modes).toEqual(files.map(() => 0o600))
    folder.close()
  })

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

  it('may be read by several at once, but by nobody while it is open to be written', async () => {
    ;(await DataFolder.open(path)).close()
    const readers = [await DataFolder.openToRead(path), await DataFolder.openToRead(path)]
    expect(await DataFolder.isInUse(path)).toBe(false)
    for (const reader of readers) {
      await expect(DataFolder.open(path)).rejects.toThrow(FolderInUseError)
      reader.close()
    }
    const writer = await DataFolder.open(path)
    await expect(DataFolder.openToRead(path)).rejects.toThrow(FolderInUseError)
    expect(await DataFolder.isInUse(path)).toBe(true)
    writer.close()
    expect(await DataFolder.isInUse(path)).toBe(false)
  })

  it('gets no file from somebody who only reads it', async () => {
    const folder = await DataFolder.openToRead(path)
    expect(folder.openLmdbFolder()).toBe(join(path, 'lmdb'))
    folder.close()
    expect(existsSync(join(path, 'lock'))).toBe(false)
    expect(existsSync(join(path, 'lmdb'))).toBe(false)
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
