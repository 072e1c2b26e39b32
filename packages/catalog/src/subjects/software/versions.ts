import { compareDebVersions } from '../../deb-version.ts'

/** Longest version that is compared, characters. */
const LONGEST = 128

/**
 * Orders an installed version against a wanted one as the source's own tools do: negative where it is older, 0 the same, positive newer. Undefined
 * where nobody can say: of sources without rules of their own (registries, applications) only numbers between dots are ordered. A wanted version
 * without an epoch is compared without it, or 1:1.0 would pass for newer than 2.0.
 */
export function compareVersions(source: string, installed: string, wanted: string): number | undefined {
  if (installed.length > LONGEST || wanted.length > LONGEST || installed.trim() === '' || wanted.trim() === '') return undefined
  const epoch = /^\d+:/
  const own = epoch.test(wanted) ? installed : installed.replace(epoch, '')
  switch (source) {
    case 'dpkg':
      return compareDebVersions(own, wanted)
    case 'apk':
      return compareDebVersions(apkAsDeb(own), apkAsDeb(wanted))
    case 'rpm':
    case 'pacman':
      return compareRpmVersions(own, wanted)
    default:
      return compareNumbers(installed, wanted)
  }
}

/** apk-package(5): `_alpha`, `_beta`, `_pre` and `_rc` come before the release, which is what `~` says in Debian's rules; other suffixes after it. */
function apkAsDeb(version: string): string {
  return version.replace(/_(alpha|beta|pre|rc)/g, '~$1')
}

/**
 * rpm-version(7), and alpm's vercmp(8), which follows it: epoch, version and release, each in runs of digits or letters; a number is newer than
 * letters, `~` older than nothing, `^` newer. A release that only one side names is not compared.
 */
function compareRpmVersions(a: string, b: string): number {
  const [left, right] = [rpmParts(a), rpmParts(b)]
  const byEpoch = Number(left.epoch) - Number(right.epoch)
  if (byEpoch !== 0) return byEpoch
  const byVersion = compareRuns(left.version, right.version)
  return byVersion !== 0 || left.release === '' || right.release === '' ? byVersion : compareRuns(left.release, right.release)
}

function rpmParts(text: string): { epoch: string; version: string; release: string } {
  const [, epoch = '0', version = '', release = ''] = /^(?:(\d{1,9}):)?([^-]*)(?:-(.*))?$/s.exec(text) ?? []
  return { epoch, version, release }
}

function compareRuns(a: string, b: string): number {
  const runs = (text: string) => text.match(/\d+|[a-zA-Z]+|[~^]/g) ?? []
  const [left, right] = [runs(a), runs(b)]
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = compareRun(left[i], right[i])
    if (order !== 0) return order
  }
  return 0
}

function compareRun(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0
  if (a === '~' || b === '~') return a === '~' ? -1 : 1
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1
  if (a === '^' || b === '^') return a === '^' ? -1 : 1
  const [digitsA, digitsB] = [/^\d/.test(a), /^\d/.test(b)]
  if (digitsA !== digitsB) return digitsA ? 1 : -1
  if (digitsA) return compareDebVersions(a, b)
  return a < b ? -1 : 1
}

/** `1.2.10` against `1.2.9`. What follows the numbers (`-beta`, ` (build 3)`) decides nothing: then only numbers that differ do. */
function compareNumbers(a: string, b: string): number | undefined {
  const [left, right] = [leadingNumbers(a), leadingNumbers(b)]
  if (!left || !right) return undefined
  for (let i = 0; i < Math.min(left.numbers.length, right.numbers.length); i++) {
    const order = (left.numbers[i] ?? 0) - (right.numbers[i] ?? 0)
    if (order !== 0) return order
  }
  if (left.rest !== '' || right.rest !== '') return undefined
  const longer = left.numbers.length > right.numbers.length ? left : right
  const more = longer.numbers.slice(Math.min(left.numbers.length, right.numbers.length)).some(number => number > 0)
  return more ? (longer === left ? 1 : -1) : 0
}

function leadingNumbers(text: string): { readonly numbers: number[]; readonly rest: string } | undefined {
  const [, numbers, rest = ''] = /^\s*v?(\d{1,15}(?:\.\d{1,15})*)(.*)$/is.exec(text) ?? []
  return numbers === undefined ? undefined : { numbers: numbers.split('.').map(Number), rest: rest.trim() }
}
