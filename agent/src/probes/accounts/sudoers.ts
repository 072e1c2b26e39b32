import { type Host, HostError } from '../../host.ts'
import type { Captured } from '../../probe.ts'
import { cut } from '../gather.ts'

/** The files of sudoers(5), in the order in which sudo reads them; none where one may not be read, since it may hold the bad news. */
export async function sudoersOf(host: Host): Promise<Captured[]> {
  const main = await host.stat('/etc/sudoers', { missing: undefined })
  if (!main) return [{ text: '# sudo is not installed\n', stderr: '', code: null, name: '/etc/sudoers', modifiedAt: null }]
  try {
    const names = await host.list('/etc/sudoers.d', { missing: [] })
    const used = names.filter(name => !name.includes('.') && !name.endsWith('~'))
    return await Promise.all(['/etc/sudoers', ...used.map(name => `/etc/sudoers.d/${name}`)].map(path => host.captured(path)))
  } catch (error) {
    if (error instanceof HostError && /^(EACCES|EPERM)$/.test(error.code)) return []
    throw error
  }
}

/** Who may run ALL without a password by a file of sudoers(5); a tag holds until the next one. */
export function passwordlessIn({ text }: Captured): string[] {
  const lines = text.replace(/\\\n/g, ' ').split('\n')
  return lines.flatMap(raw => {
    const line = raw.trim()
    if (/^Defaults\s[^#]{0,200}!authenticate\b/.test(line)) return ['everyone (!authenticate)']
    if (line.startsWith('#') || line.startsWith('@') || line.startsWith('Defaults')) return []
    const at = line.indexOf('=')
    const who = line.split(/\s/, 1)[0] ?? ''
    if (at < 0 || who === '' || who === 'root' || /^(User|Runas|Host|Cmnd|Cmd)_Alias$/.test(who)) return []
    let free = false
    for (const word of line
      .slice(at + 1)
      .replace(/\([^)]{0,200}\)/g, ' ')
      .split(/[\s,]+|(?<=:)/)) {
      if (word === 'NOPASSWD:') free = true
      if (word === 'PASSWD:') free = false
      if (word === 'ALL' && free) return [cut(who, 64)]
    }
    return []
  })
}
