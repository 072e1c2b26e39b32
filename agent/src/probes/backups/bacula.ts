import { baculaClient } from './bacula-client.ts'

/** A client of Bacula, by its file daemon's state and, where configured, by the director; see bacula-fd(8) and bconsole(8). */
export default baculaClient({
  source: 'bacula',
  folders: ['/var/lib/bacula', '/var/spool/bacula', '/opt/bacula/working'],
  configs: ['/etc/bacula/bacula-fd.conf', '/opt/bacula/etc/bacula-fd.conf'],
  commands: client => `llist jobs client=${client} limit=200 order=desc\nquit\n`,
})
