import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { createLog } from './log.ts'
import { untilSignal } from './signals.ts'

const log = createLog('test', 'silent')

/** As much of a process as signals need. */
function fakeProcess() {
  const exits: number[] = []
  return Object.assign(new EventEmitter(), { exits, exit: (code: number) => void exits.push(code) })
}
type Fake = ReturnType<typeof fakeProcess>
const asProcess = (fake: Fake) => fake as unknown as NodeJS.Process

test.each(['SIGTERM', 'SIGINT'])('%s stops once, and the end is clean', async signal => {
  const fake = fakeProcess()
  let stops = 0
  const code = untilSignal(asProcess(fake), log, async () => void stops++)

  fake.emit(signal, signal)

  expect(await code).toBe(0)
  expect(stops).toBe(1)
  expect(fake.exits).toEqual([])
})

test('a stop that fails is told by the exit code', async () => {
  const fake = fakeProcess()
  const code = untilSignal(asProcess(fake), log, () => Promise.reject(new Error('stuck')))
  fake.emit('SIGTERM', 'SIGTERM')
  expect(await code).toBe(1)
})

test('a second signal ends the process at once, however long the first one takes', () => {
  const fake = fakeProcess()
  void untilSignal(asProcess(fake), log, () => new Promise(() => {}))
  fake.emit('SIGTERM', 'SIGTERM')
  expect(fake.exits).toEqual([])
  fake.emit('SIGINT', 'SIGINT')
  expect(fake.exits).toEqual([130])
})
