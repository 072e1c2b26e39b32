import type { Check } from '../../check.ts'

export const rebootChecks: readonly Check[] = []
