import type { Check } from '../../check.ts'

export const raidChecks: readonly Check[] = []
