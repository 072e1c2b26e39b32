import type { FactTypes } from '@fettle/catalog'
import type { Case, Expected } from './case.ts'

type Pending = FactTypes['updates']['pending'][number]
type Job = FactTypes['backups']['jobs'][number]

/** A case of one file, for tables of them under a folder. */
export function sampleOf(folder: string) {
  return (source: string, file: string, reading: Case['reading'], besides: Partial<Case> = {}): Case => ({
    source,
    files: [`${folder}/${file}`],
    reading,
    ...besides,
  })
}

export const failed = { outcomes: ['failed'] } as const
export const denied = { outcomes: ['denied'] } as const
export const absent = { outcomes: ['absent'] } as const

type Waiting = {
  readonly total: number
  readonly security?: number
  readonly withheld?: number
  /** New version by name. */
  readonly has?: Readonly<Record<string, string>>
  /** Installed version by name. */
  readonly from?: Readonly<Record<string, string>>
}

/** What is known of a list of waiting updates, whatever its order: how many, how many of them for security, and versions of some. */
export function waiting({ total, security, withheld = 0, has = {}, from = {} }: Waiting): Expected {
  return {
    more: 0,
    pending: (all: readonly Pending[]) =>
      all.filter(one => one.withheld === null).length === total - withheld &&
      all.length === total &&
      (security === undefined || all.filter(one => one.class === 'security' && one.withheld === null).length === security) &&
      Object.entries(has).every(([name, candidate]) => all.some(one => one.name === name && one.candidate === candidate)) &&
      Object.entries(from).every(([name, installed]) => all.some(one => one.name === name && one.installed === installed)),
  }
}

/** One backup job, with what is known of it. */
export function job(known: { readonly [field in keyof Job]?: Expected }): { ok: Expected } {
  return { ok: { jobs: [known as Expected] } }
}

/** Some entries of a list that has a name each, whatever its order; the list holds no others. */
export function named(list: string, wanted: Readonly<Record<string, Readonly<Record<string, unknown>>>>, key = 'name'): { ok: Expected } {
  const matches = (actual: Readonly<Record<string, unknown>>) =>
    Object.entries(wanted[String(actual[key])] ?? { '': 'not wanted' }).every(([field, value]) => actual[field] === value)
  return {
    ok: {
      [list]: (all: readonly Readonly<Record<string, unknown>>[]) =>
        all.length === Object.keys(wanted).length && new Set(all.map(one => one[key])).size === all.length && all.every(matches),
    },
  }
}
