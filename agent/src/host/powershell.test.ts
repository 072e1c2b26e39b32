import { expect, test } from 'vitest'
import { TimedOut } from '../host.ts'
import { BOOTSTRAP, POWERSHELL_ARGV, PowerShell, type StartPowerShell } from './powershell.ts'

const ended = { text: '', stderr: '', code: 0, name: 'powershell.exe', modifiedAt: null }
const line = (name: string, json: string) => `@fettle-part ${name} ${json}\r\n`

/** Stands in for powershell.exe, which runs on Windows only. */
function starting(...acts: ((heard: (text: string) => void) => void)[]): { start: StartPowerShell; inputs: string[] } {
  const inputs: string[] = []
  const start: StartPowerShell = async (_, input, __, heard) => {
    inputs.push(input)
    acts[inputs.length - 1]?.(heard)
    return ended
  }
  return { start, inputs }
}

test('parts that are asked for together share one process, and each gets its own answer', async () => {
  const { start, inputs } = starting(heard => {
    heard(`${line('antivirus/defender', '{"a":1}')}something a cmdlet printed\n@fettle-part firewall/win`)
    heard('dows {"b":2}\r\n')
  })
  const powershell = new PowerShell(start)
  const answers = await Promise.all([powershell.ask('antivirus/defender'), powershell.ask('firewall/windows')])
  expect(answers.map(({ text }) => text)).toEqual(['{"a":1}', '{"b":2}'])
  expect(inputs).toHaveLength(1)
  expect(inputs[0]).toContain('Get-MpComputerStatus')
})

test('a part that hangs takes only itself: those behind it are asked again', async () => {
  const { start, inputs } = starting(
    heard => {
      heard(line('antivirus/defender', '{"a":1}'))
      throw new TimedOut('late')
    },
    heard => heard(line('reboot/windows', '{"c":3}')),
  )
  const powershell = new PowerShell(start)
  const [good, hung, behind] = await Promise.allSettled([
    powershell.ask('antivirus/defender'),
    powershell.ask('firewall/windows'),
    powershell.ask('reboot/windows'),
  ])
  expect(good).toMatchObject({ value: { text: '{"a":1}' } })
  expect(hung).toMatchObject({ reason: expect.objectContaining({ name: 'TimedOut' }) })
  expect(behind).toMatchObject({ value: { text: '{"c":3}' } })
  expect(inputs).toHaveLength(2)
})

test('a PowerShell that prints nothing gives empty text, which is never an answer', async () => {
  await expect(new PowerShell(starting().start).ask('reboot/windows')).resolves.toMatchObject({ text: '' })
})

test('a constrained session is told to each part', async () => {
  const { start } = starting(heard => heard('@fettle-part {"languageMode":"ConstrainedLanguage"}\r\n'))
  await expect(new PowerShell(start).ask('reboot/windows')).resolves.toMatchObject({ text: '{"languageMode":"ConstrainedLanguage"}' })
})

test('a script is one of ours or none', async () => {
  const powershell = new PowerShell(starting().start)
  await expect(powershell.ask('../../etc/passwd')).rejects.toThrow('wanted SUBJECT/SOURCE')
  await expect(powershell.ask('reboot/nothing')).rejects.toThrow('ENOENT')
})

test('the command line fits into what Windows takes, and says no more than to read the script from standard input', () => {
  expect(POWERSHELL_ARGV.join(' ').length).toBeLessThan(8000)
  expect(Buffer.from(POWERSHELL_ARGV.at(-1) ?? '', 'base64').toString('utf16le')).toBe(BOOTSTRAP)
})
