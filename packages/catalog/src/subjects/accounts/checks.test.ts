import { judgesEach, type Rows } from '../../testing.ts'
import { accountsEmptyPassword, accountsPasswordless, accountsSuperuser } from './checks.ts'
import type { AccountsFact } from './facts.ts'

const accounts = (more: Partial<AccountsFact> = {}): { accounts: AccountsFact } => ({
  accounts: {
    administrators: [],
    administratorCount: 0,
    superusers: [],
    emptyPasswords: [],
    passwordless: [],
    mayBeEmpty: null,
    untold: [],
    ...more,
  },
})

const windows = (mayBeEmpty: string[] | null) => accounts({ emptyPasswords: null, mayBeEmpty, untold: ['emptyPasswords'] })

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
  [accountsSuperuser, 'a system without UID 0', accounts({ untold: ['superusers'] }), 'not-applicable'],
  [accountsPasswordless, 'a system that does not tell', accounts({ passwordless: null, untold: ['passwordless'] }), 'not-applicable'],
  [accountsEmptyPassword, 'a system that does not tell', windows(null), 'not-applicable'],
  [accountsEmptyPassword, 'every account needs one', windows([]), 'ok'],
  [accountsEmptyPassword, 'an account that may have none', windows(['kiosk']), 'unknown'],
]
judgesEach(rows)
