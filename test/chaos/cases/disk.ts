import { openObserver } from '../../kit/observed.ts'
import { until } from '../../kit/until.ts'
import type { Case } from '../case.ts'
import { smallDisk } from '../disk.ts'
import { promised, sameOrder, seconds } from '../expect.ts'
import { counting, historyOf, startCollectorProcess, tokenOf } from '../stage.ts'
import { Witness } from '../witness.ts'

/** Of the disk of the embedded store: SQLite's log may grow to some MiB before it is taken over. */
const DISK_BYTES = 8 * 1024 * 1024
/** The store is found again within this, ms. */
const BACK_WITHIN_MS = 10_000

const fillStoreDisk: Case['run'] = async world => {
  const disk = await smallDisk(world, DISK_BYTES)
  const collector = await startCollectorProcess(world, { store: `sqlite:${disk.path}/fleet.db` })
  const url = `ws://127.0.0.1:${collector.port}/agent`
  const observer = await openObserver({ folder: await world.folder(), url, token: await tokenOf(collector) })
  world.defer(() => observer.stop())
  const witness = new Witness(`http://127.0.0.1:${collector.port}`)
  world.defer(() => witness.stop())
  const { observed, observe } = counting(value => observer.observe(value))
  const arrived = () =>
    until(async () => (await historyOf(collector.port)).at(-1) === observed.at(-1), `the state ${observed.at(-1)} arrives`)
  await observe(5)
  await arrived()

  const broken = performance.now()
  await disk.fill()
  // Pages that the log has already may take some.
  for (let i = 0; i < 12 && witness.after(broken, 'not ready') === undefined; i++) await observe(5)
  await until(() => witness.after(broken, 'not ready') !== undefined, 'the collector says that it is not ready')
  const told = witness.after(broken, 'not ready') ?? 0
  await observe(10)
  const mended = performance.now()
  await disk.free()
  await arrived()
  const late = performance.now() - mended
  sameOrder(await historyOf(collector.port), observed.slice(-100))
  promised(witness.down('observer').length === 0, 'no host is shown as gone')
  promised(late < BACK_WITHIN_MS, 'the store is found again soon', late)
  return `not ready told after ${seconds(told)}; all ${observed.length} changes in order ${seconds(late)} after it was mended`
}

/** The disk of the embedded store. */
export const diskCases: readonly Case[] = [
  {
    name: 'store-disk-full',
    fault: 'the disk of the embedded store (SQLite) is full, and gets room',
    promise: 'reports wait and are not acknowledged, `/readyz` says why; nothing is lost, doubled or out of order',
    quick: false,
    run: fillStoreDisk,
  },
]
