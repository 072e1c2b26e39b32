import type { Finding } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { bounded, evidenceLimits } from './evidence.ts'

const finding: Finding = { check: 'services-failed', status: 'warning', since: 1, reason: 'r' }
const service = (i: number) => ({ name: `${i}${'n'.repeat(500)}`, since: i })

test('evidence of an honest size stays as it is', () => {
  const evidence = Array.from({ length: 30 }, (_, i) => ({ name: `unit-${i}`, since: i }))
  expect(bounded({ ...finding, evidence }).evidence).toBe(evidence)
  expect(bounded(finding)).toBe(finding)
})

test('more is cut to its first entries, and texts to their beginnings', () => {
  const told = bounded({ ...finding, evidence: { services: Array.from({ length: 512 }, (_, i) => service(i)) } })
  const { services } = told.evidence as { services: { name: string; since: number }[] }
  expect(services).toHaveLength(evidenceLimits.entries)
  expect(services[1]).toEqual({ name: `1${'n'.repeat(evidenceLimits.text - 1)}`, since: 1 })
  expect(told).toMatchObject(finding)
})

test('what is too large even so is left out', () => {
  const evidence = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, 'x'.repeat(500)]))
  expect(bounded({ ...finding, evidence })).toEqual(finding)
})
