import type { subjects } from '@fettle/catalog'
import fc from 'fast-check'

/** A schema of valibot as far as it can be looked into. */
type Inside = {
  readonly type: string
  readonly pipe?: readonly { readonly type: string; readonly requirement?: unknown }[]
  readonly entries?: Readonly<Record<string, Inside>>
  readonly item?: Inside
  readonly items?: readonly Inside[]
  readonly key?: Inside
  readonly value?: Inside
  readonly wrapped?: Inside
  readonly options?: readonly unknown[]
  readonly literal?: unknown
}

/** What is put where a schema wants text and numbers. */
export type Filling = { readonly text: fc.Arbitrary<string>; readonly time: fc.Arbitrary<number>; readonly most: number }

/**
 * Values that have the shape that a schema wants, filled as the test says. Texts are cut to their bounds; where a schema wants more than shape the
 * value may be refused, so look at it with the schema itself.
 * @throws on a kind of schema that it does not know
 */
export function arbitraryOf(schema: (typeof subjects)[number]['fact'], filling: Filling): fc.Arbitrary<unknown> {
  return of(schema as unknown as Inside, filling)
}

function of(schema: Inside, filling: Filling): fc.Arbitrary<unknown> {
  const bound = (type: string) => schema.pipe?.find(action => action.type === type)?.requirement as number | undefined
  switch (schema.type) {
    case 'string': {
      const pattern = bound('regex') as RegExp | undefined
      const most = bound('max_length') ?? 100
      return pattern ? fc.stringMatching(new RegExp(pattern.source, '')) : filling.text.map(text => text.slice(0, most))
    }
    case 'number': {
      const least = bound('min_value') ?? -1e6
      const most = bound('max_value') ?? 1e6
      if (most > 1e12) return filling.time
      return bound('integer') || schema.pipe?.some(action => action.type === 'integer')
        ? fc.integer({ min: Math.ceil(least), max: Math.floor(most) })
        : fc.double({ min: least, max: most, noNaN: true })
    }
    case 'boolean':
      return fc.boolean()
    case 'picklist':
      return fc.constantFrom(...(schema.options ?? []))
    case 'literal':
      return fc.constant(schema.literal)
    case 'null':
      return fc.constant(null)
    case 'nullable':
    case 'optional':
    case 'nullish':
      return fc.option(of(wrapped(schema), filling), { nil: schema.type === 'optional' ? undefined : null, freq: 4 })
    case 'array':
      return fc.array(of(item(schema), filling), { minLength: 1, maxLength: Math.min(filling.most, bound('max_length') ?? filling.most) })
    case 'tuple':
      return fc.tuple(...(schema.items ?? []).map(one => of(one, filling)))
    case 'record':
      return fc.dictionary(filling.text, of(schema.value ?? { type: 'null' }, filling), { maxKeys: filling.most })
    case 'object':
    case 'strict_object':
      return fc.record(Object.fromEntries(Object.entries(schema.entries ?? {}).map(([name, one]) => [name, of(one, filling)])))
    case 'union':
    case 'variant':
      return fc.oneof(...(schema.options ?? []).map(one => of(one as Inside, filling)))
    case 'unknown':
    case 'any':
      return filling.text
    default:
      throw new Error(`Cannot make values of a schema of type ${schema.type}: teach test/kit/arbitrary.ts`)
  }
}

function wrapped(schema: Inside): Inside {
  if (!schema.wrapped) throw new Error(`Cannot make values of a ${schema.type} of nothing`)
  return schema.wrapped
}

function item(schema: Inside): Inside {
  if (!schema.item) throw new Error(`Cannot make values of a ${schema.type} of nothing`)
  return schema.item
}
