/** One rule about what is installed. */
export type SoftwareRule = {
  /** Name as the source tells it; `*` stands for any characters, `?` for one, whatever their case. */
  readonly name: string
  /** Required: at least this version. Left out: any. */
  readonly atLeast?: string | undefined
  /** Forbidden: only versions before this one. Left out: every version. */
  readonly below?: string | undefined
}

/** What must and what must not be installed on a host: the collector's configuration, chosen by role and labels. */
export type SoftwarePolicy = { readonly required: readonly SoftwareRule[]; readonly forbidden: readonly SoftwareRule[] }

/** A name without any letter or digit would fit everything, or nothing. */
export const namesSomething = (pattern: string): boolean => /[\p{L}\p{N}]/u.test(pattern)
