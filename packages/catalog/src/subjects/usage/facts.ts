import * as v from 'valibot'
import { amount, count, maybe } from '../../shapes.ts'

/** How busy the machine is. */
export const usageFact = v.object({
  cpu: v.object({
    logical: count,
    /** Share of all cores' time that was not idle since the last look, 0..1; null at the first look. */
    busyRatio: maybe(amount),
    /** Share of time a hypervisor gave to others, 0..1; null where not told. */
    stealRatio: maybe(amount),
  }),
  /** Run queue averages over 1, 5 and 15 minutes; null on Windows. */
  load: maybe(v.object({ one: amount, five: amount, fifteen: amount })),
  memory: v.object({
    totalBytes: amount,
    /** What can be had without swapping (`MemAvailable`); null on kernels that do not say. */
    availableBytes: maybe(amount),
    swapTotalBytes: amount,
    swapFreeBytes: amount,
  }),
  /** Share of the last 5 minutes in which some task waited (PSI `some avg300`), 0..1; null where the kernel has no PSI. */
  pressure: v.object({ cpu: maybe(amount), memory: maybe(amount), io: maybe(amount) }),
})
export type UsageFact = v.InferOutput<typeof usageFact>
