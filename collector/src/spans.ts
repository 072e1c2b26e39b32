import { parseDuration } from '@fettle/kit'
import * as v from 'valibot'

/** The text of a duration, like `30s`, `6h` or `30d`. */
export const durationText = v.pipe(
  v.string(),
  v.check(text => isDuration(text), 'wanted a duration like 30s, 6h or 30d'),
)

/** A duration in ms, within what makes sense. */
export const durationWithin = (least: string, most: string) =>
  v.pipe(
    durationText,
    v.transform(parseDuration),
    v.minValue(parseDuration(least), `wanted ${least} or longer`),
    v.maxValue(parseDuration(most), `wanted ${most} or shorter`),
  )

function isDuration(text: string): boolean {
  try {
    parseDuration(text)
    return true
  } catch {
    return false
  }
}
