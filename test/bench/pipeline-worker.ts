import { Redis } from 'ioredis'
import { serve } from './worker.ts'

/** Most pipelines under way: as many as keep the engine busy. */
const UNDER_WAY = 2
/** Reports of one pipeline; as many as the collector puts into a group. */
const GROUP = 512

/** The least that keeps reports in a Redis: SET and XADD of the same bytes, pipelined, no script, nothing compared. */
const calls = {
  /** Writes for that long. @returns reports written a second, and the client's CPU for them */
  async run({ port, bytes, seconds, hosts }: { port: number; bytes: number; seconds: number; hosts: number }) {
    const redis = new Redis({ host: '127.0.0.1', port })
    const body = 'x'.repeat(bytes)
    const [started, before] = [performance.now(), process.cpuUsage()]
    let written = 0
    const lane = async () => {
      while (performance.now() - started < seconds * 1000) {
        const pipeline = redis.pipeline()
        for (let i = 0; i < GROUP; i++) {
          const host = (written + i) % hosts
          pipeline.set(`host:${host}`, body)
          pipeline.xadd(`feed:${host % 64}`, 'MAXLEN', '~', 10_000, '*', 'e', `${host}`)
        }
        await pipeline.exec()
        written += GROUP
      }
    }
    await Promise.all(Array.from({ length: UNDER_WAY }, lane))
    const took = (performance.now() - started) / 1000
    const { user, system } = process.cpuUsage(before)
    redis.disconnect()
    return { perSecond: written / took, perCore: written / ((user + system) / 1e6) }
  },
}
export type PipelineCalls = typeof calls

serve(calls)
