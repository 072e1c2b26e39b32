import type { Check } from '../../check.ts'

export const firewallChecks: readonly Check[] = []
