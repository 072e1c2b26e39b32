import type { Check } from '../../check.ts'

export const backupsChecks: readonly Check[] = []
