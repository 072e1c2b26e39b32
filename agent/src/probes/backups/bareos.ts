import { baculaClient } from './bacula-client.ts'

/** A client of Bareos, by its file daemon's state and, where configured, by the director; see bareos-fd(8) and "API mode 2" of its developer's guide. */
export default baculaClient({
  source: 'bareos',
  folders: ['/var/lib/bareos'],
  configs: ['/etc/bareos/bareos-fd.d', '/etc/bareos/bareos-fd.conf'],
  commands: client => `.api 2\nllist jobs client=${client} days=90\nquit\n`,
})
