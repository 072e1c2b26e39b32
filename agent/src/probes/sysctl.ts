/** Values of sysctl(8) by name, as `name: value` (macOS) or `name=value` (older ones); a name told twice keeps its first value. */
export function sysctlOf(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const line of text.split('\n', 20_000)) {
    const [, name, value] = /^([a-z][a-z0-9_]*(?:\.[\w-]+)+)(?:: ?| ?= ?)(.*)$/i.exec(line.trim()) ?? []
    if (name !== undefined && value !== undefined && !values.has(name)) values.set(name, value.trim())
  }
  return values
}

/** `{ sec = 1592836479, usec = 918881 } Mon Jun 22 07:34:39 2020` in epoch ms; null for anything else. The text after the brace is local time. */
export function sysctlTime(value: string | undefined): number | null {
  const seconds = Number(/^\{ sec = (\d{9,11}), usec = \d{1,6} \}/.exec(value ?? '')?.[1])
  return Number.isFinite(seconds) ? seconds * 1000 : null
}
