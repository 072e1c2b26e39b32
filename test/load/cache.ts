import { copyFile, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { progress } from '../bench/progress.ts'
import { type RedisServer, startRedis } from '../kit/redis.ts'
import type { Simulator } from './simulator.ts'

const DUMP = 'fleet.rdb'
const ABOUT = 'fleet.json'

/** What a fleet was made from: another seed is another fleet. */
type About = { readonly seed: number; readonly base: number }

/** The moment of the first facts of the fleet that is kept; undefined where none of this seed is. */
export async function keptBase(cache: string | undefined, seed: number): Promise<number | undefined> {
  if (cache === undefined) return undefined
  const text = await readFile(join(cache, ABOUT), 'utf8').catch(() => undefined)
  const about = text === undefined ? undefined : (JSON.parse(text) as About)
  return about?.seed === seed ? about.base : undefined
}

/** A Redis that holds what is kept: a copy, so that keys and link tokens fit it however this run ends. */
export async function redisFrom(cache: string, options: readonly string[]): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'))
  await copyFile(join(cache, DUMP), join(folder, DUMP))
  // A Redis that appends reads only what it appended: it begins to once the dump is read.
  const redis = await startRedis([...options, '--appendonly', 'no', '--dir', folder, '--dbfilename', DUMP])
  await redis.cli('CONFIG', 'SET', 'appendonly', 'yes')
  return redis
}

/** Keeps a fleet that has left: keys of its agents, and what Redis holds of them. */
export async function keepFleet(cache: string, { seed, base }: About, simulator: Simulator, redis: RedisServer): Promise<void> {
  await mkdir(cache, { recursive: true, mode: 0o700 })
  await simulator.keep(cache)
  await redis.cli('SAVE')
  const settings = (await redis.cli('CONFIG', 'GET', 'dir', 'dbfilename')).trim().split('\n')
  const setting = (name: string) => settings[settings.indexOf(name) + 1] ?? ''
  await copyFile(join(setting('dir'), setting('dbfilename')), join(cache, DUMP))
  await writeFile(join(cache, ABOUT), JSON.stringify({ seed, base }))
  progress(`${simulator.hosts} hosts are kept in ${cache}: the next run with this seed need not enrol them`)
}
