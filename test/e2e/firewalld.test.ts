import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keyOf } from '../../agent/src/probe.ts'
import { linuxProbes } from '../../agent/src/probes/linux.ts'

/** The real daemon of firewalld with a system bus of its own, on a machine that nobody else is on: namespaces of network, mounts and processes. */

const MAIN = fileURLToPath(new URL('../../agent/src/main.ts', import.meta.url))
const MARK = '--- look'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-firewalld-'))
  const others = linuxProbes.map(keyOf).filter(key => key !== 'firewall/firewalld')
  await writeFile(join(folder, 'agent.yaml'), `probes:\n${others.map(key => `  ${key}: { enabled: false }\n`).join('')}`, { mode: 0o600 })
  await writeFile(join(folder, 'run'), script())
})
afterAll(() => rm(folder, { recursive: true }))

function script(): string {
  const look = (what: string) => `${what}\necho '${MARK}'\n"$NODE" "$MAIN" check --json || true\n`
  return `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus
mount -t tmpfs tmpfs /etc/firewalld
ip link set lo up
dbus-daemon --system --nofork --nopidfile &
for i in $(seq 200); do [ -S /run/dbus/system_bus_socket ] && break; sleep 0.05; done
${look('# No daemon yet.')}
firewalld --nofork --nopid &
daemon=$!
for i in $(seq 400); do [ "$(firewall-cmd --state 2>/dev/null)" = running ] && break; sleep 0.05; done
${look('# The zone that is set up by the distribution.')}
${look('firewall-cmd --set-default-zone=trusted')}
${look('firewall-cmd --set-default-zone=drop')}
kill $daemon
wait $daemon || true
${look('# The daemon has gone.')}
`
}

type Fact = { outcome: string; data?: { profiles: { name: string; enabled: boolean | null; inbound: string | null }[] } }

test('firewalld is read while it does not run, in its own zone, open, closed, and gone', async () => {
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'bash', join(folder, 'run')],
    {
      env: {
        ...process.env,
        NODE: process.execPath,
        MAIN,
        FETTLE_AGENT_CONFIG: join(folder, 'agent.yaml'),
        FETTLE_DATA_DIR: join(folder, 'state'),
      },
      maxBuffer: 64 * 1024 * 1024,
    },
  )
  const looks = stdout
    .split(MARK)
    .slice(1)
    .map(text => {
      const { facts } = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as { facts: (Fact & { key: string })[] }
      const fact = facts.find(({ key }) => key === 'firewall/firewalld')
      return fact?.data?.profiles.map(({ enabled, inbound }) => [enabled, inbound]) ?? fact?.outcome
    })
  expect(looks).toEqual([[[false, null]], [[true, 'reject']], [[false, 'accept']], [[true, 'drop']], [[false, null]]])
})
