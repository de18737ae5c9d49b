import { describe, expect, it, vi } from 'vitest'
import { type DataCommands, openPlace, places } from './support/data/data-commands.ts'

// Each place is a server, or a folder with its own data.
vi.setConfig({ testTimeout: 120_000 })

async function refusal(commands: DataCommands, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await commands.run('project', ...words)
  expect({ code, stdout }, words.join(' ')).toEqual({ code: 1, stdout: '' })
  return stderr
}

async function channelOf(commands: DataCommands, address: string): Promise<string> {
  return (await commands.json('project', 'show', address)).channelId
}

describe.each(places)('a name that could mean two projects, with %s', (place) => {
  it('is refused if a store has the name of the channel of another project', async () => {
    const { commands } = await openPlace(place)
    const one = await commands.json('project', 'create', 'Game One')
    await commands.out('project', 'create', 'Other', '--channel', 'game-one')
    const sentence =
      'coatcheck: game-one means two projects: owner~other by its channel id, ' +
      'or owner~game-one by its store. Use owner~other or owner~game-one.\n'
    for (const words of [
      ['show', 'game-one'],
      ['rotate-key', 'game-one'],
      ['remove', 'game-one', '--yes'],
      ['reset', 'game-one', '--yes'],
    ]) {
      expect(await refusal(commands, ...words)).toBe(sentence)
    }
    expect(await channelOf(commands, 'owner~game-one')).toBe(one.channelId)
    expect(await channelOf(commands, one.channelId)).toBe(one.channelId)
    expect(await channelOf(commands, 'owner~other')).toBe('game-one')
    expect(await channelOf(commands, 'other')).toBe('game-one')
  })

  it('is refused if a channel has the name of the id of another store', async () => {
    const { commands } = await openPlace(place)
    const { storeId, channelId } = await commands.json('project', 'create', 'One')
    await commands.out('store', 'rename', storeId, '--unname')
    await commands.out('project', 'create', 'Other', '--channel', storeId)
    expect(await refusal(commands, 'show', storeId)).toBe(
      `coatcheck: ${storeId} means two projects: owner~other by its channel id, ` +
        `or ${storeId} by its store. Use owner~other or ${channelId}.\n`,
    )
    expect(await channelOf(commands, channelId)).toBe(channelId)
    expect(await channelOf(commands, 'owner~other')).toBe(storeId)
  })

  it('is accepted if both are one project, or if only one of the two is a project', async () => {
    const { commands } = await openPlace(place)
    await commands.out('project', 'create', 'same', '--channel', 'same')
    expect(await channelOf(commands, 'same')).toBe('same')
    const { storeId } = await commands.json('project', 'create', 'was-one')
    await commands.out('project', 'create', 'Other', '--channel', 'was-one')
    await commands.out('project', 'remove', storeId, '--yes')
    expect(await channelOf(commands, 'was-one')).toBe('was-one')
    const linked = await commands.json('project', 'link', 'owner~same')
    expect(linked.channelId).toBe('same')
  })
})
