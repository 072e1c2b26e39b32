import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import arq from './arq.ts'

// Written after Arq's documentation of arqc and public programs that read its output: there is no macOS here.

type Fact = FactTypes['backups']
const NOW = Date.UTC(2026, 10, 22, 3)
const ENDED = Date.UTC(2026, 10, 22, 1)
const [ONE, TWO] = ['2C9CA29F-7422-45D4-92A9-3C8E383868C0', '5803D830-7422-45D4-92A9-3C8E383868C0']
const plan = (id: string, name = 'Home to the NAS') => `UUID=${id}\tname="${name}"\tstorage location="smb://user:secret@nas/backup"\n`
const plans = (...rows: string[]) => `${rows.join('')}total backup plans: ${rows.length}\n`
const done = {
  type: 'backup',
  message: 'Idle',
  createdTime: ENDED / 1000 - 600,
  finishedTime: ENDED / 1000,
  aborted: false,
  errorCount: 0,
  countOfBytes: 5e9,
  countOfBytesUploaded: 3e6,
  countOfFiles: 70_000,
}
const activity = (own: object = {}) => JSON.stringify({ ...done, ...own })
const read = (text: string) => factOf<Fact>(arq, { activity: text }, NOW).jobs[0]

test('a run that ended without errors is a backup', () => {
  expect(read(activity())).toMatchObject({
    standing: 'known',
    lastResult: 'success',
    lastSuccessAt: ENDED,
    durationMs: 600_000,
    addedBytes: 3e6,
  })
  expect(read(activity({ finishedTime: ENDED, createdTime: ENDED - 1000 }))).toMatchObject({ lastSuccessAt: ENDED })
  expect(read(`[warning] no app password is set\n${activity()}`)).toMatchObject({ lastSuccessAt: ENDED })
})

test.each([
  ['errors may have left no restore point', activity({ errorCount: 3 }), { standing: 'unknown', lastResult: 'warnings' }],
  [
    'it was stopped',
    activity({ aborted: true, abortReason: 'on battery' }),
    { standing: 'unknown', lastResult: 'failed', warnings: ['the last run was stopped: on battery'] },
  ],
  ['it runs now', activity({ finishedTime: 0, message: 'Backing up' }), { standing: 'unknown', lastResult: 'running' }],
  ['it ended in the future', activity({ finishedTime: NOW / 1000 + 86_400 }), { standing: 'unknown', lastResult: null }],
  ['nobody tells of errors', activity({ errorCount: null }), { standing: 'unknown', lastResult: null }],
  ['the answer is cut off', activity().slice(0, 80), { standing: 'unknown', lastResult: null }],
  ['it wants a password', 'Enter app password:', { standing: 'unknown', lastResult: null }],
])('%s, so it is no success', (_, text, wanted) => {
  expect(read(text)).toMatchObject({ ...wanted, lastSuccessAt: null })
})

test('each plan is asked for its own activity, and secrets of its location are not told', async () => {
  const arqc = '/Applications/Arq.app/Contents/Resources/arqc'
  const commands = {
    [`${arqc} listBackupPlans`]: { text: plans(plan(ONE), plan(TWO, 'System')) },
    [`${arqc} latestBackupActivityJSON ${ONE}`]: { text: activity() },
    [`${arqc} latestBackupActivityJSON ${TWO}`]: { text: '', stderr: 'no activity', code: 1 },
  }
  const outcome = await runProbe(arq, hostOf(machine({ now: NOW, commands })), undefined, 3_600_000)
  expect(outcome).toMatchObject({
    outcome: 'ok',
    data: {
      jobs: [
        { name: 'Home to the NAS', destination: 'smb://nas/backup', lastSuccessAt: ENDED },
        { name: 'System', standing: 'unknown' },
      ],
    },
  })
  expect(await runProbe(arq, hostOf(machine()), undefined, 3_600_000)).toMatchObject({ outcome: 'absent' })
})

test('two plans of a name are told apart', () => {
  expect(factOf<Fact>(arq, { plans: plans(plan(ONE), plan(TWO)) }, NOW).jobs.map(({ name }) => name)).toEqual([
    `Home to the NAS ${ONE}`,
    `Home to the NAS ${TWO}`,
  ])
})

test('half a list of plans is a failure, an empty one is none', () => {
  expect(() => factOf(arq, { plans: plans(plan(ONE), plan(TWO)).replace(plan(TWO), '') }, NOW)).toThrow('1 of 2 plans')
  expect(() => factOf(arq, { plans: plan(ONE) }, NOW)).toThrow(expect.objectContaining({ name: 'Failed' }))
  expect(factOf<Fact>(arq, { plans: plans() }, NOW).jobs).toEqual([])
})

test('any text gives a fact or an error', () => {
  survives(arq, 'plans', [plans(plan(ONE), plan(TWO))])
  survives(arq, 'activity', [activity()])
})
