/**
 * Plain output of smartctl(8), of any version, as the document that `--json` prints for it: captures are often texts. The agent itself asks for
 * JSON. What a text does not say is missing in the document too.
 * @throws where the text has neither a disk nor a message
 */
export function textDocument(text: string): object {
  const lines = text.split('\n').map(line => line.slice(0, 400).trimEnd())
  const field = (name: RegExp) =>
    lines.map(line => /^([A-Z][^:]{1,60}?)\s*:\s+(\S.*)$/i.exec(line)).find(found => found && name.test(found[1] ?? ''))?.[2]
  const table = lines.flatMap(attributeOf)
  const messages = messagesOf(lines)
  const nvme = nvmeLogOf(field)
  const document = {
    smartctl: { messages },
    device: deviceOf(field),
    model_name: field(/^(Device Model|Model Number)$/),
    vendor: field(/^Vendor$/),
    product: field(/^Product$/),
    serial_number: field(/^Serial Number$/i),
    firmware_version: field(/^(Firmware Version|Revision)$/),
    wwn: wwnOf(field(/^LU WWN Device Id$/)),
    logical_unit_id: field(/^Logical Unit id$/),
    user_capacity: { bytes: wholeOf(field(/^(User Capacity|Total NVM Capacity)$/)?.split('[', 1)[0]) },
    rotation_rate: rotationOf(field(/^Rotation Rate$/)),
    scsi_transport_protocol: { name: field(/^Transport protocol$/) },
    smart_support: supportOf(lines),
    smart_status: statusOf(field),
    temperature: { current: wholeOf(field(/^(Current Drive )?Temperature$/)?.split(' ', 1)[0]) ?? rawOf(table, 194) ?? rawOf(table, 190) },
    power_on_time: {
      hours:
        rawOf(table, 9) ?? wholeOf(field(/^Power On Hours$/)) ?? wholeOf(field(/^Accumulated power on time, hours$/)?.split(':', 1)[0]),
    },
    ata_smart_attributes: { table },
    ata_smart_self_test_log: { standard: { table: lines.flatMap(selfTestOf) } },
    ...(nvme ? { nvme_smart_health_information_log: nvme } : {}),
    scsi_grown_defect_list: wholeOf(field(/^Elements in grown defect list$/)),
    scsi_error_counter_log: countersOf(lines),
  }
  if (!document.device && messages.length === 0) throw new Error("Cannot read smartctl's text: it has no disk")
  if (isCut(text)) throw new Error("Cannot read smartctl's text: it is cut short, its self-tests are missing")
  return document
}

/** With -a and -x the values of the disk are followed by its logs: the last of its self-tests may be the bad news. */
function isCut(text: string): boolean {
  if (!/^General SMART Values:/m.test(text) || !/^Vendor Specific SMART Attributes/m.test(text)) return false
  return !/^(# ?1 |.*No self-tests have been logged|.*(does not support|not supported|unavailable|disabled).*self-?test|.*self-?test.*(not supported|unavailable|disabled|failed))/im.test(
    text,
  )
}

/** Text of `smartctl --scan` or `--scan-open` as the document of its JSON. @throws where the scan failed */
export function scanDocument(text: string): object {
  const devices = text.split('\n').flatMap(line => {
    const [, name, type, comment = ''] = /^(?:# )?(\/dev\/\S+) -d (\S+) # (.*)$/.exec(line.slice(0, 400)) ?? []
    const open_error = / open failed: (.*)$/.exec(comment)?.[1]
    return name ? [{ name, type, ...(open_error ? { open_error: `${name}: ${open_error}` } : {}) }] : []
  })
  if (devices.length === 0) throw new Error(`The scan of smartctl failed: ${text.trim().slice(0, 200)}`)
  return { smartctl: { argv: ['smartctl', '--scan'] }, devices }
}

/** Whether a text is what `smartctl --scan` prints. */
export function isScanText(text: string): boolean {
  return /^(# )?\/dev\/\S+ -d \S+ #/m.test(text) || /^# scan_smart_devices/m.test(text)
}

type Field = (name: RegExp) => string | undefined
type Attribute = {
  readonly id: number
  readonly name: string
  readonly value: number | undefined
  readonly when_failed: string
  readonly flags: object
  readonly raw: { readonly value: number | undefined; readonly string: string }
}

/** Both table formats: the one of -A with `0x0033` and `Pre-fail`, the brief one of -x with `PO--CK`. */
const ATTRIBUTE =
  /^\s*(\d{1,3}) (\S+)\s+(?:0x[0-9a-f]{4}|([POSRCK+-]{6,7}))\s+(\d{3}|---)\s+(?:\d{3}|---)\s+(?:\d{3}|---)\s+(?:(Pre-fail|Old_age)\s+\S+\s+)?(\S+)\s+(\S.*)$/

function attributeOf(line: string): Attribute[] {
  const [, id, name = '', brief, value = '', type, failed = '', raw = ''] = ATTRIBUTE.exec(line) ?? []
  if (!id) return []
  const when_failed = /^(FAILING_NOW|NOW)$/i.test(failed) ? 'now' : /^(In_the_past|Past)$/i.test(failed) ? 'past' : ''
  const prefailure = brief ? brief.startsWith('P') : type === 'Pre-fail'
  // smartctl decodes what it knows to be packed: the first number is the value.
  return [
    {
      id: Number(id),
      name,
      value: digits(value),
      when_failed,
      flags: { prefailure },
      raw: { value: digits(/^\d+/.exec(raw)?.[0]), string: raw },
    },
  ]
}

const rawOf = (table: readonly Attribute[], id: number): number | undefined => table.find(attribute => attribute.id === id)?.raw.value
const digits = (text: string | undefined): number | undefined => (text && /^\d{1,18}$/.test(text) ? Number(text) : undefined)

/** Numbers are grouped as the locale likes: 1,000 or 1'000 or 1’000. */
function wholeOf(text: string | undefined): number | undefined {
  return text === undefined || /^-/.test(text) ? undefined : digits(text.replace(/[,.'’  ]|bytes/g, ''))
}

function deviceOf(field: Field): object | undefined {
  if (field(/^Model Number$/)) return { type: 'nvme', protocol: 'NVMe' }
  if (field(/^Device Model$/)) return { type: 'sat', protocol: 'ATA' }
  return field(/^Product$/) ? { type: 'scsi', protocol: 'SCSI' } : undefined
}

function wwnOf(text: string | undefined): object | undefined {
  const [, naa = '', oui = '', id = ''] = /^([0-9a-f]) ([0-9a-f]{6}) ([0-9a-f]{9})$/i.exec(text ?? '') ?? []
  return naa ? { naa: Number.parseInt(naa, 16), oui: Number.parseInt(oui, 16), id: Number.parseInt(id, 16) } : undefined
}

function rotationOf(text: string | undefined): number | undefined {
  return text === 'Solid State Device' ? 0 : digits(text?.split(' ', 1)[0])
}

/** Two lines of one name: whether it can, and whether it is switched on. */
function supportOf(lines: readonly string[]): object {
  const told = lines.filter(line => line.startsWith('SMART support is:'))
  const says = (word: string) => told.some(line => line.slice('SMART support is:'.length).trim().startsWith(word))
  return {
    available: says('Available') ? true : says('Unavailable') ? false : undefined,
    enabled: says('Enabled') ? true : says('Disabled') ? false : undefined,
  }
}

function statusOf(field: Field): object | undefined {
  const told = field(/^(SMART overall-health self-assessment test result|SMART Health Status)$/)
  return told === undefined ? undefined : { passed: told === 'PASSED' || told === 'OK' }
}

function nvmeLogOf(field: Field): object | undefined {
  const warning = /^0x([0-9a-f]{1,2})$/i.exec(field(/^Critical Warning$/) ?? '')?.[1]
  if (warning === undefined) return undefined
  const percent = (name: RegExp) => digits(field(name)?.replace(/%$/, ''))
  return {
    critical_warning: Number.parseInt(warning, 16),
    available_spare: percent(/^Available Spare$/),
    available_spare_threshold: percent(/^Available Spare Threshold$/),
    percentage_used: percent(/^Percentage Used$/),
    data_units_written: wholeOf(field(/^Data Units Written$/)?.split('[', 1)[0]),
    media_errors: wholeOf(field(/^Media and Data Integrity Errors$/)),
    unsafe_shutdowns: wholeOf(field(/^Unsafe Shutdowns$/)),
  }
}

/** `read:  1  0  5  3  0  315926.142  0`: the last column counts what was not corrected. */
function countersOf(lines: readonly string[]): object | undefined {
  const rows = lines.flatMap(line => {
    const [, name = '', gigabytes = '', uncorrected] = /^(read|write|verify):(?:\s+\d+){5}\s+(\d+\.\d+)\s+(\d+)$/.exec(line) ?? []
    return name ? [[name, { total_uncorrected_errors: digits(uncorrected), gigabytes_processed: gigabytes }] as const] : []
  })
  return rows.length === 0 ? undefined : Object.fromEntries(rows)
}

/** `# 1  Extended offline    Completed: read failure       80%       685  …` with the code of the ATA status byte. */
function selfTestOf(line: string): object[] {
  const [, words = '', hours] = /^#\s{0,3}\d+\s+\S[^:%]{3,24}?\s{2,}(\S.*?)\s+\d{1,3}%\s+(\d+)\s/.exec(line) ?? []
  if (!words) return []
  const code = /without error/.test(words)
    ? 0
    : /^Aborted/.test(words)
      ? 1
      : /^Interrupted/.test(words)
        ? 2
        : /in progress/.test(words)
          ? 15
          : 7
  return [{ status: { value: code << 4, string: words }, lifetime_hours: Number(hours) }]
}

const ERRORS =
  /^(Smartctl open device: .*|.*: Unable to detect device type.*|.*Unknown USB bridge.*|.*please try adding.*|Read .* failed.*)$/

function messagesOf(lines: readonly string[]): object[] {
  return lines.flatMap(line => {
    if (/^Device is in .* mode/.test(line)) return [{ string: line, severity: 'information' }]
    return ERRORS.test(line) ? [{ string: line, severity: 'error' }] : []
  })
}
