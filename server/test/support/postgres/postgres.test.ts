import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { PostgresServer } from './postgres.ts'
import { findPostgresBinaries } from './postgres-binaries.ts'

describe('the PostgreSQL of the tests', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await PostgresServer.start()
  })
  afterAll(() => server.cleanUp())

  it('has a fresh database for whoever asks', async () => {
    const [one, other] = [await server.createDatabase(), await server.createDatabase()]
    await server.query('create table here (id int)', one)
    await expect(server.query('select * from here', other)).rejects.toMatchObject({ code: '42P01' })
  })

  it('keeps what was committed when it is killed or stopped, and starts again', async () => {
    const url = await server.createDatabase()
    await server.query('create table kept (id int); insert into kept values (7)', url)
    await server.kill()
    await expect(server.query('select 1', url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await server.start()
    await server.stop()
    await server.start()
    expect(await server.query('select id from kept', url)).toEqual([{ id: 7 }])
  })

  it('has a standby that follows and can be promoted', async () => {
    const standby = await PostgresServer.startStandbyOf(server)
    try {
      expect(await standby.query('show transaction_read_only')).toEqual([
        { transaction_read_only: 'on' },
      ])
      await standby.query('select pg_promote()')
      await standby.query('create table promoted (id int)')
    } finally {
      await standby.cleanUp()
    }
  })

  it('is what it was asked to be once it was reloaded, however late it looks', async () => {
    const who = `select pid from pg_stat_activity where backend_type = 'checkpointer'`
    const checkpointer = Number((await server.query(who))[0]?.pid)
    await server.query(`alter system set synchronous_standby_names = 'nobody'`)
    process.kill(checkpointer, 'SIGSTOP')
    setTimeout(() => process.kill(checkpointer, 'SIGCONT'), 200)
    await server.reload()
    let isOver = false
    const commit = server.query('create table waiting (id int)').then(() => {
      isOver = true
    })
    const cancel = `select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'`
    let cancelled = 0
    while (!isOver) cancelled += (await server.query(cancel)).length
    await commit
    expect(cancelled).toBeGreaterThan(0)
    await server.query('alter system reset synchronous_standby_names')
    await server.reload()
    await server.query('create table at_once (id int)')
  })

  it('says what to install where it is missing', () => {
    vi.stubEnv('PG_BIN', '/nowhere')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(findPostgresBinaries).toThrow(/apt-get install postgresql/)
  })
})
