import type { FactTypes } from '@fettle/catalog'
import { NotInstalled } from '../../host.ts'
import { Absent, Denied, defineProbe, Failed, type Inputs, needed, type ParseContext } from '../../probe.ts'
import { cut } from '../gather.ts'
import { optional } from './rpm-machine.ts'
import { jsonOf, objectOf, type PendingUpdate, textOf, timeOf, updatesOf, waiting } from './waiting.ts'

const status = ['bootc', 'status', '--format', 'json']
const hint = 'Run bootc status by hand; bootc upgrade --check looks for updates.'

/** The image that waits on a system booted from a container image; see bootc-status(8), org.containers.bootc/v1. */
export default defineProbe({
  subject: 'updates',
  source: 'bootc',
  platforms: ['linux'],
  every: '6h',
  timeout: '1m',
  watch: ['/run/ostree', '/ostree/deploy'],
  privilege: 'Root: bootc answers nobody else.',
  blind:
    'Security: an image does not tell what it mends. What nobody has looked for (bootc upgrade --check, bootc-fetch-apply-updates.timer), and when that was.',
  inputs: { status: { from: status.join(' '), recognise: text => /"BootcHost"/.test(text) } },

  async read(host) {
    if (host.uid !== 0) throw new Denied('bootc answers only root', 'Let the agent run as root, or switch this source off.')
    const captured = await optional(host, status)
    if (!captured) throw new Absent(new NotInstalled('bootc').message)
    return parse({ status: [captured] }, { now: host.now() })
  },
  parse,
})

/** @throws Absent where the system was not booted from an image, Failed where bootc did */
export function parse(inputs: Inputs, { now }: Pick<ParseContext, 'now'>): FactTypes['updates'] {
  const captured = needed(inputs, 'status')
  if (captured.code !== null && captured.code !== 0)
    throw new Failed(cut(captured.stderr, 300) || `bootc ended with ${captured.code}`, hint)
  const top = objectOf(jsonOf(captured, hint))
  const state = objectOf(top?.status)
  if (!state || !('booted' in state)) throw new Error('Cannot read the status: it does not say what was booted')
  const booted = objectOf(state.booted)
  const image = imageOf(booted)
  if (!booted || !image) throw new Absent('the system was not booted from an image of bootc')
  const staged = imageOf(objectOf(state.staged))
  const cached = objectOf(booted.cachedUpdate) ?? objectOf(objectOf(state.staged)?.cachedUpdate)
  const pending: PendingUpdate[] = []
  if (staged) pending.push({ ...updateOf(image, staged, now), origin: 'staged: a restart takes it into use' })
  if (cached && !sameImage(cached, image) && !(staged && sameImage(cached, staged))) pending.push(updateOf(image, cached, now))
  return updatesOf({
    pending,
    classified: false,
    broken: booted.incompatible === true ? 'changes of packages keep bootc from updating this system' : null,
  })
}

type Image = { readonly [key: string]: unknown }

function imageOf(entry: Image | undefined): Image | undefined {
  return objectOf(entry?.image)
}

function sameImage(a: Image, b: Image): boolean {
  return textOf(a.imageDigest) !== null && a.imageDigest === b.imageDigest
}

function updateOf(booted: Image, next: Image, now: number): PendingUpdate {
  const reference = objectOf(next.image) ?? objectOf(booted.image)
  return waiting(textOf(reference?.image) ?? 'image', {
    installed: versionOf(booted),
    candidate: versionOf(next),
    published: timeOf(Date.parse(textOf(next.timestamp) ?? ''), now),
    restart: true,
  })
}

/** Versions of images often stay the same from build to build: the digest tells them apart. */
function versionOf(image: Image): string | null {
  const digest = textOf(image.imageDigest)
    ?.replace(/^sha256:/, '')
    .slice(0, 12)
  const version = textOf(image.version)
  return version !== null && digest !== undefined ? `${version} (${digest})` : (version ?? digest ?? null)
}
