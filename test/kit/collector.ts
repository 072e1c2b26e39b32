import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, createLog, type LogLevel } from '@fettle/kit'
import { type RunningCollector, readCollectorConfig, startCollector } from '../../collector/src/index.ts'
import { testLog } from './log.ts'
import { secretMade } from './secrets.ts'

export type TestCollector = RunningCollector & {
  readonly data: string
  /** A fresh enrolment token. */
  token(wish?: Record<string, unknown>): Promise<string>
  /** Answer of an HTTP path as JSON. */
  json(path: string): Promise<unknown>
  text(path: string): Promise<string>
}

/** A real collector in this process on a free port, its data in a folder of its own. `env` as the process would have it. */
export async function startTestCollector(env: Record<string, string> = {}, file = '', clock?: Clock): Promise<TestCollector> {
  const data = env.FETTLE_DATA ?? (await mkdtemp(join(tmpdir(), 'fettle-c-')))
  const config = readCollectorConfig(file ? { path: 'test.yaml', text: file } : undefined, {
    FETTLE_LISTEN: '127.0.0.1:0',
    FETTLE_DATA: data,
    FETTLE_NAME: 'collector.test',
    ...env,
  })
  const log = env.FETTLE_LOG ? createLog('collector', env.FETTLE_LOG as LogLevel) : testLog('collector')
  const running = await startCollector({ config, log, ...(clock ? { clock } : {}) })
  const get = (path: string) => fetch(`${running.url}${path}`)
  return {
    ...running,
    data,
    async stop() {
      await running.stop()
      if (!env.FETTLE_DATA) await rm(data, { recursive: true, force: true })
    },
    token: async wish => {
      const { token } = (await running.admin('POST', '/api/v1/tokens', wish ?? {})) as { token: string }
      secretMade(token.split('.')[1] ?? '')
      return token
    },
    json: async path => (await get(path)).json(),
    text: async path => (await get(path)).text(),
  }
}
