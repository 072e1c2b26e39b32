import type { Check } from '../../check.ts'

export const encryptionChecks: readonly Check[] = []
