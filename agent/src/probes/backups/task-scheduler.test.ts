import type { FactTypes } from '@fettle/catalog'
import { readConfig } from '@fettle/kit'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { defaultConfig } from '../../index.ts'
import { runProbe } from '../../runner.ts'
import scheduler from './task-scheduler.ts'

// Written after the documentation of Get-ScheduledTaskInfo and "Task Scheduler Error and Success Constants": there is no Windows here.

type Fact = FactTypes['backups']
const NOW = Date.UTC(2026, 10, 22, 3)
const RAN = '2026-11-21T22:00:00.0000000Z'
const nightly = { path: '\\Backups\\Nightly', state: 'Ready', lastRun: RAN, nextRun: null, result: '0', missed: '0' }
const answer = (...tasks: object[]) => JSON.stringify({ tasks, count: tasks.length })
const setting = scheduler.setting ?? never()

function never(): never {
  throw new Error('the probe has no setting')
}

function configured(job: object = {}): unknown {
  const text = JSON.stringify({ backups: { 'task-scheduler': [{ name: 'nightly', task: 'Nightly', every: '1d', ...job }] } })
  return readConfig({ 'backups.task-scheduler': setting }, { file: { path: 'agent.yaml', text }, env: {} }).values['backups.task-scheduler']
}

const judged = (own: object = {}, job: object = {}) =>
  factOf<Fact>(scheduler, { answer: answer({ ...nightly, ...own }) }, NOW, configured(job)).jobs[0]

test('a task that ended with 0 had its last success when it started', () => {
  expect(judged()).toMatchObject({
    name: 'nightly',
    standing: 'known',
    lastResult: 'success',
    lastSuccessAt: Date.parse(RAN),
    expectedEveryMs: 86_400_000,
    warnings: [],
  })
})

test.each([
  ['it runs now', { result: '267009', state: 'Running' }, { standing: 'unknown', lastResult: 'running', lastSuccessAt: null }],
  [
    'it has never run',
    { result: '267011', lastRun: '1999-11-29T23:00:00Z' },
    { standing: 'unknown', lastRunAt: null, lastSuccessAt: null },
  ],
  ['it is queued', { result: '267045' }, { standing: 'unknown', lastSuccessAt: null }],
  ['a user ended it', { result: '267014' }, { standing: 'unknown', lastResult: 'failed', lastSuccessAt: null }],
  ['its program failed', { result: '1' }, { lastResult: 'failed', lastSuccessAt: null, warnings: ['the last run ended with exit code 1'] }],
  ['its program is not there', { result: '2147942402' }, { lastResult: 'failed', warnings: ['the last run ended with 0x80070002'] }],
  ['a signed result', { result: '-2147024894' }, { lastResult: 'failed', warnings: ['the last run ended with 0x80070002'] }],
  ['a result that is no number', { result: 'OK' }, { standing: 'unknown', lastSuccessAt: null }],
  ['0 without a time', { lastRun: null }, { standing: 'unknown', lastSuccessAt: null }],
  ['a run in the future', { lastRun: '2026-11-23T03:00:00Z' }, { standing: 'unknown', lastSuccessAt: null }],
  ['it is disabled', { state: 'Disabled' }, { lastResult: 'success', warnings: ['the task is disabled: nothing starts this backup'] }],
  ['runs were missed', { missed: '3' }, { warnings: ['3 runs were missed'] }],
  ['the scheduler refuses', { failed: 'Access is denied.' }, { standing: 'unknown', lastSuccessAt: null }],
])('%s', (_, own, wanted) => {
  expect(judged(own)).toMatchObject(wanted)
})

test('exit codes that are a success by configuration ended with warnings, as robocopy does', () => {
  expect(judged({ result: '3' }, { good: [0, 1, 2, 3] })).toMatchObject({ lastResult: 'warnings', lastSuccessAt: Date.parse(RAN) })
  expect(judged({ result: '8' }, { good: [0, 1, 2, 3] })).toMatchObject({ lastResult: 'failed', lastSuccessAt: null })
})

test('a task is found by its whole path, and one of several of a name is never guessed', () => {
  const tasks = answer(nightly, { ...nightly, path: '\\Other\\nightly', result: '1' })
  const read = (task: string) => factOf<Fact>(scheduler, { answer: tasks }, NOW, configured({ task })).jobs[0]
  expect(read('Nightly')).toMatchObject({ standing: 'unknown', reason: 'more than one task is named Nightly' })
  expect(read('\\OTHER\\Nightly')).toMatchObject({ lastResult: 'failed' })
  expect(read('\\Other\\ly')).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
})

test('without configuration every task is told, and none on a machine without any', () => {
  expect(factOf<Fact>(scheduler, { answer: answer(nightly) }, NOW, []).jobs[0]).toMatchObject({ name: '1 \\Backups\\Nightly' })
  expect(() => factOf(scheduler, { answer: answer() }, NOW, [])).toThrow(expect.objectContaining({ name: 'Absent' }))
})

test('read asks only where a task is configured', async () => {
  const host = hostOf(machine({ now: NOW, commands: { 'powershell backups/task-scheduler': { text: answer(nightly) } } }))
  expect(await runProbe(scheduler, host, [], 3_600_000)).toMatchObject({ outcome: 'absent' })
  expect(await runProbe(scheduler, host, configured(), 3_600_000)).toMatchObject({
    outcome: 'ok',
    data: { jobs: [{ lastSuccessAt: Date.parse(RAN) }] },
  })
  expect(defaultConfig().options['backups/task-scheduler']).toEqual([])
})

test('any text gives a fact or an error', () => survives(scheduler, 'answer', [answer(nightly)]))
