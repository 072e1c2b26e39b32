import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lookUp } from '../agent/src/host/run.ts'
import { type Need, needs, planFor } from './kit/needs.ts'
import { leaksOf } from './kit/secrets.ts'

const APT = '/usr/bin/apt-get'
/** Asked by every maintainer script before it starts a service; see https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt */
const POLICY = '/usr/sbin/policy-rc.d'

/** Before any test: brings what tests need where the rights allow it. After all: no log holds a secret. @throws with the exact command where something is missing */
export default function setup(): () => void {
  bringWhatIsMissing()
  const folder = mkdtempSync(join(tmpdir(), 'fettle-logs-'))
  process.env.FETTLE_TEST_LOGS = folder
  return () => {
    const { leaks } = leaksOf(folder)
    rmSync(folder, { recursive: true, force: true })
    if (leaks.length > 0)
      throw new Error(`Logs of this run hold secrets:\n${leaks.map(({ what, line }) => `  ${what}: ${line}`).join('\n')}`)
  }
}

function bringWhatIsMissing(): void {
  const missing = needs.filter(need => !isHere(need))
  const plan = planFor({ missing, isRoot: process.getuid?.() === 0, hasApt: existsSync(APT) })
  if (plan.do === 'tell') throw new Error(plan.message)
  if (plan.do === 'nothing') return
  process.stdout.write(`Tests need ${plan.packages.join(' ')}: installing\n`)
  quietly(() => {
    aptGet('update')
    aptGet('install', '-y', '--no-install-recommends', ...plan.packages)
  })
  const still = missing.filter(need => !isHere(need)).map(({ program }) => program)
  if (still.length > 0) throw new Error(`Cannot test without ${still.join(', ')}: ${plan.packages.join(' ')} did not bring them`)
}

/** A program on the path, or a file by its whole path. */
function isHere({ program }: Need): boolean {
  return program.startsWith('/') ? existsSync(program) : lookUp(program) !== undefined
}

function aptGet(...args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status, error } = spawnSync(APT, ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0) throw new Error(`Cannot go on: apt-get ${args.join(' ')} ended with ${status ?? error?.message}`)
}

/** Keeps what is installed from starting as a service: tests start their own. A policy that is there already is left alone. */
function quietly(install: () => void): void {
  const own = !existsSync(POLICY)
  if (own) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    install()
  } finally {
    if (own) rmSync(POLICY, { force: true })
  }
}
