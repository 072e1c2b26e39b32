import { type Check, type HeldFact, subjectOf } from '@fettle/catalog'
import { readConfig } from '@fettle/kit'
import { expect } from 'vitest'
import type { Host } from '../../agent/src/host.ts'
import { type Captured, type Inputs, keyOf, type Probe } from '../../agent/src/probe.ts'
import { checked, outcomeOf, runProbe } from '../../agent/src/runner.ts'
import { type Around, findingOf, NOW, type Told } from '../../packages/catalog/src/testing.ts'

export { NOW } from '../../packages/catalog/src/testing.ts'
export const HOUR = 3_600_000
export const DAY = 24 * HOUR

/** One situation in which a naive reading would be good news: its title tells the right one, `see` proves it from input to finding. */
export type WrongGreen = { readonly title: `wrong green ${number}: ${string} → ${string}`; see(): void | Promise<void> }

/** A captured file or output. */
export function input(text: string, more: Partial<Captured> = {}): Captured {
  return { text, stderr: '', code: 0, name: '', modifiedAt: null, ...more }
}

type Given = { readonly [input: string]: string | Captured | readonly Captured[] }

/** Captures through a probe's parser and its schema, as `fettle-agent parse` takes them. @param jobs the source's part of the configuration */
export function parsed(probe: Probe, given: Given, jobs?: unknown): Told {
  const inputs: Inputs = Object.fromEntries(
    Object.entries(given).map(([name, one]) => [name, typeof one === 'string' ? [input(one)] : [one].flat()]),
  )
  try {
    return { [keyOf(probe)]: checked(probe, probe.parse(inputs, { now: NOW, hostname: 'web1', options: optionsOf(probe, jobs) })) }
  } catch (error) {
    return { [keyOf(probe)]: outcomeOf(error, 'linux') }
  }
}

/** A look of the whole probe at a machine, through the runner. */
export async function looked(probe: Probe, host: Host, jobs?: unknown): Promise<Told> {
  const fact = await runProbe(probe, host, optionsOf(probe, jobs), HOUR)
  return { [fact.key]: { ...fact, at: NOW } }
}

function optionsOf(probe: Probe, given: unknown): unknown {
  if (!probe.setting) return undefined
  const path = `${probe.subject}.${probe.source}`
  const text = JSON.stringify(given === undefined ? {} : { [probe.subject]: { [probe.source]: given } })
  return readConfig({ [path]: probe.setting }, { file: { path: 'agent.yaml', text }, env: {} }).values[path]
}

/** The data of the only fact. @throws where its outcome is not `ok` */
export function dataOf(told: Told): unknown {
  const [fact] = Object.values(told) as Partial<HeldFact>[]
  if (fact?.outcome !== 'ok') throw new Error(`Cannot look into a fact that is ${fact?.outcome}: ${fact?.reason}`)
  return fact.data
}

/** What a check says: its status, and its reason for a look into it. */
export function says(check: Check, told: Told, wanted: string, around: Around = {}): void {
  const finding = findingOf(check, told, around)
  expect(`${finding.status} (${finding.reason})`).toMatch(new RegExp(`^${wanted} \\(`))
}

/** Whether a subject's schema takes a fact: what a source must not say can then not be said. */
export function isFact(subject: string, data: unknown): boolean {
  return checked({ subject: subject as 'updates', source: 'test' }, data).outcome === 'ok' && subjectOf(subject) !== undefined
}
