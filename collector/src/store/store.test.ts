import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@fettle/kit'
import { startRedis, startRedisCluster } from '../../../test/kit/redis.ts'
import { storeContract } from './contract.ts'
import { openStore } from './open.ts'

const deps = { clock: systemClock }
let empties = 0

storeContract('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-store-'))
  return {
    open: () => openStore(`sqlite:${join(folder, 'fleet.db')}`, deps),
    openEmpty: () => openStore('sqlite::memory:', deps),
    stop: () => rm(folder, { recursive: true }),
  }
})

storeContract('Redis', async () => {
  const redis = await startRedis()
  return { open: () => openStore(redis.url, deps), openEmpty: () => openStore(`${redis.url}?prefix=${++empties}:`, deps), stop: redis.stop }
})

storeContract('Redis Cluster', async () => {
  const cluster = await startRedisCluster()
  return {
    open: () => openStore(cluster.url, deps),
    openEmpty: () => openStore(`${cluster.url}?prefix=${++empties}:`, deps),
    stop: cluster.stop,
  }
})
