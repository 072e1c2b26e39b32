import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { HostError } from '../../host.ts'
import { type Captured, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { XPROTECT_BUNDLES, XPROTECT_KNOWN, xprotectVersion } from '../antivirus/xprotect.ts'
import { present } from '../gather.ts'
import {
  dictsOf,
  flagIn,
  isPlistWith,
  numberIn,
  parsePlist,
  parsePlistDict,
  readPlistIfMay,
  runIfThere,
  textIn,
  timeIn,
} from '../property-list.ts'
import { control, gatekeeper, type MacControl, remoteLogin, screenLock, secureBoot, sip } from './macos-controls.ts'

type HardeningFact = FactTypes['hardening']

const LOGIN = '/Library/Preferences/com.apple.loginwindow.plist'
const SAVER = '/Library/Managed Preferences/com.apple.screensaver.plist'
const HISTORY = '/Library/Receipts/InstallHistory.plist'
/** Apple publishes new data every few weeks; after this long the Mac has stopped fetching it, ms. */
const XPROTECT_OLD = 90 * 86_400_000
const DAY = 86_400_000
/** What `xprotect version` prints since macOS 15: `Version: 5346 Installed: 2026-05-28 08:53:39 +0000`. */
const INSTALLED = /^Version: (\d{1,8}) Installed: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4})\s*$/m

/** Protections of macOS, each in the words of the tool that governs it; see csrutil(8), spctl(8), systemsetup(8), sysadminctl(8), bputil(1). */
export default defineProbe({
  subject: 'hardening',
  source: 'macos',
  platforms: ['darwin'],
  every: '6h',
  timeout: '120s',
  privilege: 'root, with Full Disk Access for remote login on new releases; the screen lock is asked as the user at the screen',
  blind: 'The screen lock of users who are not logged in; exceptions from Gatekeeper that users made.',
  inputs: {
    sip: { from: 'csrutil status', recognise: text => /^System Integrity Protection status:/m.test(text) },
    sealed: { from: 'csrutil authenticated-root status', recognise: text => /^Authenticated Root status:/m.test(text) },
    gatekeeper: { from: 'spctl --status', recognise: text => /^assessments /m.test(text) },
    policy: { from: 'bputil -d', recognise: text => /^Local policy for volume group|local policy/im.test(text) },
    bridge: { from: 'system_profiler SPiBridgeDataType', recognise: text => /^[ \t]*(Secure Boot|Boot Policy):|^Controller:/m.test(text) },
    remote: { from: 'systemsetup -getremotelogin', recognise: text => /^Remote Login:/m.test(text) },
    disabled: { from: 'launchctl print-disabled system', recognise: text => /^[ \t]*disabled services = \{/m.test(text) },
    lock: { from: 'sysadminctl -screenLock status', recognise: text => /screenLock /.test(text) },
    saver: { from: SAVER, recognise: text => isPlistWith(text, 'askForPassword') },
    bundle: {
      from: XPROTECT_BUNDLES.join(', '),
      recognise: text => isPlistWith(text, 'CFBundleShortVersionString') && /com\.apple\.XProtect</.test(text),
    },
    xprotect: { from: 'xprotect version', recognise: text => INSTALLED.test(text.slice(0, 1_000)) },
    history: { from: HISTORY, recognise: text => isPlistWith(text, 'displayName', 'processName') },
    login: { from: LOGIN, recognise: text => /<key>(autoLoginUser|lastUserName|lastUser|GuestEnabled|SHOWFULLNAME)<\/key>/.test(text) },
  },
  parse: parseMacHardening,

  async read(host: Host) {
    const run = (...argv: string[]) => runIfThere(host, argv, 20_000)
    const remote = await run('systemsetup', '-getremotelogin')
    const bundles = await Promise.all(XPROTECT_BUNDLES.map(path => readPlistIfMay(host, path)))
    return parseMacHardening(
      {
        sip: present(await run('csrutil', 'status')),
        sealed: present(await run('csrutil', 'authenticated-root', 'status')),
        gatekeeper: present(await run('spctl', '--status')),
        bridge: present(await run('system_profiler', 'SPiBridgeDataType')),
        remote: present(remote),
        disabled: present(await run('launchctl', 'print-disabled', 'system')),
        lock: present(await lockOfUser(host)),
        saver: present(await readPlistIfMay(host, SAVER)),
        login: present(await readPlistIfMay(host, LOGIN)),
        bundle: present(...bundles),
        xprotect: present(await run('xprotect', 'version')),
        history: present(await readPlistIfMay(host, HISTORY)),
      },
      { now: host.now(), hostname: host.hostname, options: undefined },
    )
  },
})

/** The screen lock is each user's own; asked as root it would tell root's. */
async function lockOfUser(host: Host): Promise<Captured | undefined> {
  try {
    const { uid } = await host.stat('/dev/console')
    if (uid === 0 || host.uid !== 0)
      return host.uid === 0 ? undefined : await runIfThere(host, ['sysadminctl', '-screenLock', 'status'], 20_000)
    const argv = ['launchctl', 'asuser', String(uid), 'sudo', '-n', '-u', `#${uid}`, 'sysadminctl', '-screenLock', 'status']
    return await runIfThere(host, argv, 20_000)
  } catch (error) {
    if (error instanceof HostError) return undefined
    throw error
  }
}

/** Only what was asked is in the fact. @throws where none of it can be told */
export function parseMacHardening(inputs: Inputs, { now }: ParseContext): HardeningFact {
  const said = (name: string) => {
    const captured = sole(inputs, name)
    return captured ? `${captured.text}\n${captured.stderr}`.trim() : undefined
  }
  const [status, sealed, gate, policy, bridge] = [said('sip'), said('sealed'), said('gatekeeper'), said('policy'), said('bridge')]
  const [remote, disabled, lock, saver, login] = [
    said('remote'),
    said('disabled'),
    said('lock'),
    sole(inputs, 'saver')?.text,
    sole(inputs, 'login')?.text,
  ]
  const controls: MacControl[] = []
  if (status !== undefined || sealed !== undefined) controls.push(sip(status ?? '', sealed))
  if (gate !== undefined) controls.push(gatekeeper(gate))
  if (bridge === '' && policy === undefined && sole(inputs, 'bridge')?.code === 0) {
    controls.push(control('secure_boot', 'absent', 'this Mac has neither a T2 chip nor Apple silicon'))
  } else if (policy !== undefined || bridge !== undefined) controls.push(secureBoot(bridge, policy))
  if (remote !== undefined || disabled !== undefined) controls.push(remoteLogin(remote, disabled))
  if (lock !== undefined || saver !== undefined) controls.push(lockOf(lock, saver))
  if (login !== undefined) controls.push(automaticLogin(login))
  const bundles = (inputs.bundle ?? []).map(({ text }) => text)
  if (bundles.length > 0 || INSTALLED.test(said('xprotect') ?? ''))
    controls.push(xprotect(bundles, { history: sole(inputs, 'history')?.text, printed: said('xprotect') }, now))
  if (controls.length === 0 || controls.every(({ state }) => state === 'unknown')) {
    throw new Error(`Cannot tell of any protection of macOS: ${controls[0]?.detail ?? 'nothing was given'}`)
  }
  return { controls }
}

/** What device management sets wins over the user. */
function lockOf(lock: string | undefined, saver: string | undefined): MacControl {
  const managed = saver === undefined ? undefined : parsePlistDict(saver)
  if (managed && flagIn(managed.askForPassword) !== null) {
    if (flagIn(managed.askForPassword) === false) return control('screen_lock', 'off', 'switched off by device management')
    const delay = numberIn(managed.askForPasswordDelay) ?? 0
    return control('screen_lock', delay <= 15 * 60 ? 'on' : 'partial', `set by device management, after ${delay} s`)
  }
  return lock === undefined ? control('screen_lock', 'unknown', 'no user is logged in at the screen') : screenLock(lock)
}

function automaticLogin(text: string): MacControl {
  const user = textIn(parsePlistDict(text).autoLoginUser)
  return user === null ? control('no_automatic_login', 'on') : control('no_automatic_login', 'off', 'a user is logged in automatically')
}

type Told = { readonly history: string | undefined; readonly printed: string | undefined }

/** The data's age by a version whose day is known, and by when the Mac last installed any: its own word, or Apple's history of installs. */
function xprotect(bundles: readonly string[], { history, printed }: Told, now: number): MacControl {
  const [, own, installed] = INSTALLED.exec(printed ?? '') ?? []
  const versions = [...(bundles.length > 0 ? [xprotectVersion(bundles)] : []), ...(own === undefined ? [] : [own])]
  const [version = ''] = versions.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))
  const { version: known, day: published } = XPROTECT_KNOWN
  if (Number(version) < known && now - Date.parse(published) > XPROTECT_OLD)
    return control('xprotect', 'partial', `version ${version} is older than ${known}, which Apple published on ${published}`)
  const entries = history === undefined ? [] : dictsOf(parsePlist(history))
  const times = entries
    .filter(entry => /^XProtectPlistConfigData/.test(textIn(entry.displayName) ?? ''))
    .flatMap(entry => timeIn(entry.date) ?? [])
  const newest = [...times, timeIn(installed) ?? 0].reduce((latest, time) => Math.max(latest, time), 0)
  if (newest === 0) return control('xprotect', 'on', `version ${version}; when it came is not known`)
  const day = new Date(newest).toISOString().slice(0, 10)
  if (newest > now + DAY) return control('xprotect', 'unknown', `version ${version} came on ${day}, which is in the future`)
  return now - newest > XPROTECT_OLD
    ? control('xprotect', 'partial', `version ${version} is from ${day}: no new data has come since`)
    : control('xprotect', 'on', `version ${version} of ${day}`)
}
