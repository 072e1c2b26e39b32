import { expect, test } from 'vitest'
import { needs, planFor } from './needs.ts'

const missing = needs.filter(need => need.package === 'prometheus' || need.program === 'restic')

test('where everything is there, nothing is done', () => {
  expect(planFor({ missing: [], isRoot: true, hasApt: true })).toEqual({ do: 'nothing' })
})

test('root on a Debian gets what is missing, each package once', () => {
  expect(planFor({ missing, isRoot: true, hasApt: true })).toEqual({ do: 'install', packages: ['prometheus', 'restic'] })
})

test('others are told the exact command', () => {
  expect(planFor({ missing, isRoot: false, hasApt: true })).toEqual({
    do: 'tell',
    message:
      'Cannot test without prometheus, promtool, restic. Run:\n  sudo apt-get update && sudo apt-get install -y --no-install-recommends prometheus restic',
  })
})

test('where there is no apt, what is wanted is named', () => {
  expect(planFor({ missing, isRoot: true, hasApt: false })).toMatchObject({
    do: 'tell',
    message: expect.stringContaining('on Debian: prometheus restic'),
  })
})
