import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import dropin from '../../agent/src/probes/custom/dropin.ts'
import nagios from '../../agent/src/probes/custom/nagios.ts'
import textfile from '../../agent/src/probes/custom/textfile.ts'
import { type Line, startLine } from '../kit/line.ts'
import { ownedFolder, put } from '../kit/owned.ts'

/** The open end, from executables and files on this machine to findings and series. */

let line: Line
let folder: string
beforeAll(async () => {
  line = await startLine()
  folder = ownedFolder()
  for (const name of ['dropins.d', 'textfile.d']) mkdirSync(join(folder, name), { mode: 0o755 })
})
afterAll(async () => {
  await line.stop()
  rmSync(folder, { recursive: true, force: true })
})

const saying = (document: object) => `#!/bin/sh\necho '${JSON.stringify(document)}'\n`
const seriesOf = async (instance: string) =>
  (await line.collector.text(`/metrics/hosts/${instance}`)).split('\n').filter(one => one.startsWith('fettle_custom_'))

describe('a machine with checks of its own', () => {
  const look = () =>
    line.look('own', {
      probes: [dropin, nagios, textfile],
      config: {
        custom: {
          dropin: { directory: join(folder, 'dropins.d') },
          nagios: [{ name: 'dummy', command: ['/usr/lib/nagios/plugins/check_dummy', '0', 'as told'] }],
          textfile: { directory: join(folder, 'textfile.d') },
        },
      },
    })

  test('tells of each; the worst decides, what is old is told, and mended it turns green', async () => {
    put(join(folder, 'dropins.d/tapes'), saying({ status: 'critical', text: 'out of tapes', value: 0, unit: 'tapes' }))
    const file = put(join(folder, 'textfile.d/jobs.prom'), '# TYPE jobs_total counter\njobs_total{job="a\\"b"} 3\n', 0o644)
    utimesSync(file, new Date(Date.now() - 2 * 86_400_000), new Date(Date.now() - 2 * 86_400_000))
    const bad = await look()
    expect(bad.finding('custom-status')).toMatchObject({ status: 'critical', reason: 'tapes: out of tapes' })
    expect(bad.finding('custom-stale')).toMatchObject({ status: 'warning', reason: expect.stringContaining('jobs.prom') })

    put(join(folder, 'dropins.d/tapes'), saying({ status: 'ok', text: '4 tapes', value: 4, unit: 'tapes' }))
    utimesSync(file, new Date(), new Date())
    const good = await look()
    expect([good.status('custom-status'), good.status('custom-stale')]).toEqual([0, 0])
  })

  test('has series in which its texts are label values, and nothing else', async () => {
    const host = 'instance="own"'
    // The agent has gone again: what it measured ends, the time at which a file was written stays.
    expect(await seriesOf('own')).toEqual([
      expect.stringMatching(new RegExp(`^fettle_custom_timestamp_seconds{${host},source="textfile",name="jobs.prom"} \\d{10}`)),
    ])
    expect(dropin.subject).toBe('custom')
  })

  test('that others may write to is not run: unknown, with what to do', async () => {
    put(join(folder, 'dropins.d/tapes'), saying({ status: 'ok', text: '4 tapes' }), 0o777)
    expect((await look()).finding('custom-status')).toMatchObject({
      status: 'unknown',
      reason: expect.stringContaining('everyone may write to it'),
      hint: `chmod go-w ${folder}/dropins.d/tapes`,
    })
  })
})

describe('the shipped drop-in of certificates', () => {
  const shipped = new URL('../../deploy/linux/dropins/certificates', import.meta.url)
  const certificate = (name: string, days: number) => {
    const path = join(folder, `${name}.pem`)
    const subject = ['-subj', `/CN=${name}`, '-days', String(days), '-keyout', join(folder, 'key.pem'), '-out', path]
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...subject], {
      stdio: 'ignore',
    })
    return path
  }
  const look = async (name: string, files: readonly string[]) => {
    const list = put(join(folder, 'certificates.list'), `# of this machine\n\n${files.join('\n')}\n`, 0o644)
    rmSync(join(folder, 'dropins.d'), { recursive: true })
    mkdirSync(join(folder, 'dropins.d'), { mode: 0o755 })
    put(join(folder, 'dropins.d/certificates'), readFileSync(shipped, 'utf8').replaceAll('/etc/fettle/certificates.list', list))
    return line.look(name, { probes: [dropin], config: { custom: { dropin: { directory: join(folder, 'dropins.d') } } } })
  }

  test('is green while all last, and names the first that does not', async () => {
    const [long, soon, sooner] = [certificate('long', 400), certificate('soon', 15), certificate('sooner', 3)]
    expect((await look('certificates-ok', [long])).finding('custom-status').status).toBe('ok')
    expect((await look('certificates-soon', [long, soon])).finding('custom-status')).toMatchObject({
      status: 'warning',
      reason: expect.stringMatching(/soon\.pem expires in 1[45] days$/),
    })
    expect((await look('certificates-sooner', [sooner, soon, long])).finding('custom-status').status).toBe('critical')
  })

  test('says unknown of what is no certificate, and of an empty list', async () => {
    const none = put(join(folder, 'none.pem'), 'no certificate\n', 0o644)
    expect((await look('certificates-none', [certificate('good', 400), none])).finding('custom-status').status).toBe('unknown')
    expect((await look('certificates-gone', [join(folder, 'gone"}.pem')])).finding('custom-status').status).toBe('unknown')
    expect((await look('certificates-empty', [])).finding('custom-status').status).toBe('unknown')
  })
})
