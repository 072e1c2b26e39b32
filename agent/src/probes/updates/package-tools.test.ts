import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PrivateRoot, pacmanRoot, rpmRoot } from '../../../../test/kit/package-repos.ts'
import { runProbe } from '../../runner.ts'
import dnf from './dnf.ts'
import pacman from './pacman.ts'
import type { PendingUpdate } from './waiting.ts'
import zypper from './zypper.ts'

type Fact = {
  pending: PendingUpdate[]
  classified: boolean
  lastCheckAt: number | null
  lastInstallAt: number | null
  badSources: string[]
}

async function look(probe: typeof dnf, root: PrivateRoot): Promise<Fact> {
  const fact = await runProbe(probe, root.host, probe.setting?.default ?? null, 60_000)
  expect(fact.outcome, fact.reason).toBe('ok')
  return fact.data as Fact
}
const outcome = async (probe: typeof dnf, root: PrivateRoot) => (await runProbe(probe, root.host, null, 60_000)).outcome

describe('real dnf and zypper with a local repository', () => {
  let root: PrivateRoot
  beforeAll(async () => {
    root = await rpmRoot('fettle-safe', 'fettle-plain')
  }, 60_000)
  afterAll(() => root.remove())

  test('dnf without a cache tells nothing, and with it what waits, what for and since when', async () => {
    expect(await outcome(dnf, root)).toBe('failed')
    await root.run('dnf', '-q', 'makecache')
    const fact = await look(dnf, root)
    expect(fact.pending).toMatchObject([
      { name: 'fettle-safe.noarch', installed: '1.0-1', candidate: '2.0-1', class: 'security', severity: 'important', origin: 'local' },
      { name: 'fettle-plain.noarch', installed: '1.0-1', candidate: '2.0-1', class: 'other', origin: 'local' },
    ])
    expect([fact.classified, fact.badSources]).toEqual([true, []])
    expect(fact.lastCheckAt).toBeGreaterThan(Date.now() - 120_000)
    expect(fact.lastInstallAt).toBeGreaterThan(Date.now() - 120_000)
  }, 60_000)

  test('zypper without a repository fails, though it ends with 0; with one it tells patches and packages', async () => {
    expect(await outcome(zypper, root)).toBe('failed')
    await root.run('zypper', '-n', 'addrepo', '-G', `file://${root.directory}/repository`, 'local')
    await root.run('zypper', '-n', 'refresh')
    const fact = await look(zypper, root)
    expect(fact.pending).toMatchObject([
      { name: 'TEST-2026:0001', class: 'security', severity: 'important', published: Date.UTC(2026, 9, 1) },
      { name: 'fettle-plain.noarch', installed: '1.0-1', candidate: '2.0-1' },
      { name: 'fettle-safe.noarch', installed: '1.0-1', candidate: '2.0-1' },
    ])
    expect(fact.lastCheckAt).toBeGreaterThan(Date.now() - 120_000)
  }, 60_000)
})

describe('real pacman with a local repository', () => {
  let root: PrivateRoot
  beforeAll(async () => {
    root = await pacmanRoot('fettle-a', 'fettle-ignored')
  }, 60_000)
  afterAll(() => root.remove())

  test('without databases it fails, though pacman prints nothing and ends as if nothing waited; with them it tells what waits', async () => {
    expect(await outcome(pacman, root)).toBe('failed')
    await root.run('pacman', '-Sy')
    const fact = await look(pacman, root)
    expect(fact.pending).toMatchObject([
      { name: 'fettle-a', installed: '1.0-1', candidate: '2.0-1', withheld: null },
      { name: 'fettle-ignored', installed: '1.0-1', candidate: '2.0-1', withheld: 'held' },
    ])
    expect(fact.lastCheckAt).toBeGreaterThan(Date.now() - 120_000)
  }, 60_000)
})
