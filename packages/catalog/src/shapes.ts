import * as v from 'valibot'

/** The bounded building blocks of every fact: a host is hostile, so nothing it sends is without a limit. */

/** Longest text a fact may carry, in characters; labels of metrics are cut shorter when rendered. */
const LONGEST_TEXT = 512
/** Most entries of a list that has no limit of its own. */
const LONGEST_LIST = 512

/** Text of at most `longest` characters. */
export const text = (longest = LONGEST_TEXT) => v.pipe(v.string(), v.maxLength(longest))
/** A list of at most `most` entries. */
export const list = <const S extends v.GenericSchema>(item: S, most = LONGEST_LIST) => v.pipe(v.array(item), v.maxLength(most))
/** Any finite number. */
export const quantity = v.pipe(v.number(), v.finite())
/** A finite number, never negative. */
export const amount = v.pipe(v.number(), v.finite(), v.minValue(0))
/** A whole number of things, 0 upwards. */
export const count = v.pipe(v.number(), v.integer(), v.minValue(0))
/** Epoch milliseconds, UTC. A sentinel of the source (1601-01-01, 1970-01-01, 4294967295) is never a time: the probe writes `null`. */
export const time = v.pipe(v.number(), v.finite(), v.minValue(1), v.maxValue(8.64e15))
/** `null` where the source does not say. */
export const maybe = <const S extends v.GenericSchema>(schema: S) => v.nullable(schema)
