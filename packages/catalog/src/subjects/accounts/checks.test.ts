import { judgesEach, type Rows } from '../../testing.ts'
import { accountsEmptyPassword, accountsPasswordless, accountsSuperuser } from './checks.ts'
import type { AccountsFact } from './facts.ts'

const accounts = (more: Partial<AccountsFact> = {}): { accounts: AccountsFact } => ({
  accounts: { administrators: [], administratorCount: 0, superusers: [], emptyPasswords: [], passwordless: [], ...more },
})

const rows: Rows = [
  [accountsSuperuser, 'root alone', accounts(), 'ok'],
  [accountsSuperuser, 'another', accounts({ superusers: ['toor'] }), 'critical'],
  [accountsSuperuser, 'not readable', { accounts: { outcome: 'failed' } }, 'unknown'],
  [accountsEmptyPassword, 'none', accounts(), 'ok'],
  [accountsEmptyPassword, 'one', accounts({ emptyPasswords: ['guest'] }), 'critical'],
  [accountsEmptyPassword, 'not told', accounts({ emptyPasswords: null }), 'unknown'],
  [accountsPasswordless, 'none', accounts(), 'ok'],
  [accountsPasswordless, 'one', accounts({ passwordless: ['%wheel'] }), 'warning'],
  [accountsPasswordless, 'not told', accounts({ passwordless: null }), 'unknown'],
]
judgesEach(rows)
