import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sharedPostgres } from '../../../test/support/postgres/test-database.ts'
import { put, text } from '../conformance/basics.ts'
import { parsePostgresAddress } from './link/address.ts'
import { openPostgres, type PostgresEngine } from './postgres.ts'

/**
 * A trigger: it refuses a key `refuse <SQLSTATE>` with that SQLSTATE, and `twice` the first two
 * times.
 */
const refusing = `
  create sequence tried;
  create function refuse() returns trigger language plpgsql as $$
    begin
      if convert_from(new.key, 'utf8') like 'refuse %' then
        raise exception using errcode = substr(convert_from(new.key, 'utf8'), 8, 5);
      end if;
      if new.key = 'twice' and nextval('tried') <= 2 then
        raise exception using errcode = '40001';
      end if;
      return new;
    end $$;
  create trigger refusing before insert on coatcheck_entry for each row execute function refuse()`

describe('a write that PostgreSQL refuses', () => {
  let engine: PostgresEngine
  beforeAll(async () => {
    const url = await sharedPostgres.createDatabase()
    engine = await openPostgres(parsePostgresAddress(url))
    await sharedPostgres.query(refusing, url)
  })
  afterAll(async () => {
    await engine.close()
  })

  const refuse = (state: string): Promise<number> =>
    put(engine, [Buffer.from(`refuse ${state}`), ''])

  it('fails as its SQLSTATE says', async () => {
    const no = { applied: 'no' }
    await expect(refuse('53100')).rejects.toMatchObject({ failure: 'full', ...no })
    await expect(refuse('22003')).rejects.toMatchObject({ failure: 'refused', ...no })
    await expect(refuse('40P01')).rejects.toMatchObject({ failure: 'conflict', ...no })
    await expect(refuse('42501')).rejects.toMatchObject({ failure: 'unavailable', ...no })
  })

  it('does not fail the other writes of its group', async () => {
    const names = ['a', 'b', 'c'].map((name) => Buffer.from(name))
    const commits = names.map((name) => put(engine, [name, 'kept']))
    const refused = expect(refuse('22003')).rejects.toMatchObject({ failure: 'refused' })
    await Promise.all([...commits, refused])
    const found = await engine.get(names)
    expect(found.map((entry) => text(entry?.value))).toEqual(['kept', 'kept', 'kept'])
  })

  it('is tried again after a serialization failure', async () => {
    const twice = Buffer.from('twice')
    await put(engine, [twice, 'third time'])
    expect(text((await engine.get([twice]))[0]?.value)).toBe('third time')
  })
})
