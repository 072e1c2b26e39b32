import * as v from 'valibot'
import shipped from './data/os-support.json' with { type: 'json' }
import { list, text } from './shapes.ts'
import type { SystemFact } from './subjects/system/facts.ts'

/** `YYYY-MM-DD`: security fixes end with that day. `false`: no end is announced. `true`: ended, the day is not known. */
const end = v.union([v.pipe(v.string(), v.isoDate()), v.boolean()])

const supportTable = v.object({
  /** Day of the data, `YYYY-MM-DD`. */
  date: v.pipe(v.string(), v.isoDate()),
  source: text(),
  products: list(
    v.object({
      /** `os.id` of the system facts that this product covers. */
      ids: list(text(64), 16),
      note: v.optional(text()),
      source: v.optional(text()),
      cycles: list(
        v.object({
          /** `VERSION_ID` or the start of it at a dot: `9` covers `9.4`. Only a name where `build` is given. */
          version: text(64),
          /** Windows build without UBR; decides instead of the version. */
          build: v.optional(text(16)),
          /** Family of editions that the end holds for; all where missing. */
          editions: v.optional(v.picklist(['consumer', 'enterprise', 'ltsc', 'iot-ltsc'])),
          end,
          /** The vendor has published no day; this one follows from its habit. */
          estimated: v.optional(v.boolean()),
        }),
        512,
      ),
    }),
    64,
  ),
})

/** When vendors end security support of operating system releases: dated data, replaceable by configuration. */
export type SupportTable = v.InferOutput<typeof supportTable>
type Cycle = SupportTable['products'][number]['cycles'][number]

/** The table in a file's text. @throws Error naming the place that is wrong and what was wanted */
export function readSupportTable(json: string): SupportTable {
  return parsed(JSON.parse(json))
}

/** The table that ships with the catalog. */
export function shippedSupportTable(): SupportTable {
  return parsed(shipped)
}

function parsed(data: unknown): SupportTable {
  const result = v.safeParse(supportTable, data)
  if (result.success) return result.output
  const [issue] = result.issues
  throw new Error(`Cannot read the table of support ends at ${v.getDotPath(issue) ?? 'its top'}: ${issue.message}`)
}

/**
 * End of vendor security support of a host's release, epoch ms. The vendor's own `SUPPORT_END` wins over the table.
 * Null: the release is not in the table, or no end is announced. Never a guess from a neighbouring release.
 */
export function supportEnd(system: Pick<SystemFact, 'os'>, table: SupportTable): number | null {
  const { os } = system
  if (os.supportEnd !== null) return os.supportEnd
  const cycles = table.products.filter(product => product.ids.includes(os.id)).flatMap(product => product.cycles)
  const cycle = os.type === 'windows' ? byBuild(cycles, os.build, editionsOf(os.edition)) : byVersion(cycles, os.version)
  if (!cycle || cycle.end === false) return null
  return cycle.end === true ? Date.parse(`${table.date}T00:00:00Z`) : Date.parse(`${cycle.end}T23:59:59Z`)
}

/** The longest version of the table that the host's own starts with, at a dot. */
function byVersion(cycles: readonly Cycle[], version: string | null): Cycle | undefined {
  if (version === null) return undefined
  const covering = cycles.filter(cycle => !cycle.build && (version === cycle.version || version.startsWith(`${cycle.version}.`)))
  return covering.sort((a, b) => b.version.length - a.version.length)[0]
}

function byBuild(cycles: readonly Cycle[], build: string | null, editions: Cycle['editions'] | null): Cycle | undefined {
  const [number] = (build ?? '').split('.')
  const ofBuild = cycles.filter(cycle => cycle.build !== undefined && cycle.build === number)
  return ofBuild.find(cycle => editions && cycle.editions === editions) ?? ofBuild.find(cycle => cycle.editions === undefined)
}

/** EditionID of the registry as the family that its support end follows; null where it is not told. See Microsoft's lifecycle FAQ. */
function editionsOf(edition: string | null): Cycle['editions'] | null {
  if (edition === null) return null
  if (/^IoTEnterpriseS/i.test(edition)) return 'iot-ltsc'
  if (/^EnterpriseS/i.test(edition)) return 'ltsc'
  return /^(Enterprise|Education|IoTEnterprise|ServerRdsh)/i.test(edition) ? 'enterprise' : 'consumer'
}
