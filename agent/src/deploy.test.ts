import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { probes } from './probes/index.ts'

const linux = new URL('../../deploy/linux/', import.meta.url)
const pathOf = (name: string) => fileURLToPath(new URL(name, linux))
const units = existsSync('/usr/bin/systemd-analyze')
  ? ([
      ['fettle-agent.service', 4.0],
      ['fettle-collector.service', 2.0],
    ] as const)
  : []

describe('the units', () => {
  for (const [unit, most] of units) {
    test(`${unit} is exposed at most ${most}, as systemd itself counts`, () => {
      const printed = execFileSync('systemd-analyze', ['security', '--offline=true', pathOf(`systemd/${unit}`)], { encoding: 'utf8' })
      const level = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(printed)?.[1])
      expect(level).toBeLessThanOrEqual(most)
    })

    test(`${unit} has no line that systemd does not understand`, () => {
      const printed = execFileSync('sh', ['-c', `systemd-analyze verify '${pathOf(`systemd/${unit}`)}' 2>&1 || true`], { encoding: 'utf8' })
      const ours = printed
        .split('\n')
        .filter(line => line.includes('.service:') && !/is not executable|man fettle|command 'man/i.test(line))
      expect(ours).toEqual([])
    })
  }

  test('every right that the agent keeps is explained beside it', () => {
    const text = readFileSync(pathOf('systemd/fettle-agent.service'), 'utf8')
    const kept = /^CapabilityBoundingSet=(.*)$/m.exec(text)?.[1]?.split(' ') ?? []
    const comments = text
      .split('\n')
      .filter(line => line.startsWith('#'))
      .join('\n')
    expect(kept.length).toBeGreaterThan(0)
    expect(kept.filter(right => !comments.includes(right))).toEqual([])
  })

  test('every right that a probe asks for is kept', () => {
    const text = readFileSync(pathOf('systemd/fettle-agent.service'), 'utf8')
    const kept = /^CapabilityBoundingSet=(.*)$/m.exec(text)?.[1] ?? ''
    const asked = probes.flatMap(probe => probe.privilege?.match(/CAP_[A-Z_]+/g) ?? [])
    expect(asked.filter(right => !kept.includes(right))).toEqual([])
  })
})

describe('the apt hook', () => {
  test('is read by apt, asks the agent and can never make apt fail', () => {
    const text = readFileSync(pathOf('apt/80fettle'), 'utf8')
    const dumped = existsSync('/usr/bin/apt-config')
      ? execFileSync('apt-config', ['dump', '-c', pathOf('apt/80fettle')], { encoding: 'utf8' })
      : text
    for (const hook of ['DPkg::Post-Invoke', 'APT::Update::Post-Invoke-Success']) expect(dumped).toContain(hook)
    const commands = [...text.matchAll(/\{ "(.*)"; \};/g)].map(([, command = '']) => command)
    expect(commands).toHaveLength(2)
    for (const command of commands) {
      expect(command).toContain('refresh --no-wait updates')
      execFileSync('sh', ['-c', command.replaceAll('/usr/bin/fettle-agent', '/bin/false')])
      execFileSync('sh', ['-c', command.replaceAll('/usr/bin/fettle-agent', '/nonexistent')])
    }
  })
})
