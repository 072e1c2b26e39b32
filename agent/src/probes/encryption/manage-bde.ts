import { cut } from '../gather.ts'
import type { Volume } from './bitlocker.ts'

type State = Volume['state']

/** Words of `manage-bde -status` in English and German. A word of another language is not guessed. */
const CONVERSION: readonly (readonly [RegExp, State])[] = [
  [/^(fully encrypted|used space only encrypted|vollständig verschlüsselt|nur verwendeter speicherplatz .*verschlüsselt)/i, 'on'],
  [/^(fully decrypted|vollständig entschlüsselt)/i, 'off'],
  [/^(encryption in progress|encryption paused|verschlüsselung (wird durchgeführt|angehalten))/i, 'encrypting'],
  [/^(decryption in progress|decryption paused|entschlüsselung (wird durchgeführt|angehalten))/i, 'decrypting'],
]
const LABELS = {
  conversion: /^\s+(?:Conversion Status|Konvertierungsstatus):\s+(.{1,80})$/,
  protection: /^\s+(?:Protection Status|Schutzstatus):\s+(.{1,80})$/,
  method: /^\s+(?:Encryption Method|Verschlüsselungsmethode):\s+(.{1,60})$/,
  percent: /^\s+(?:Percentage Encrypted|Verschlüsselt \(Prozent\)):\s+(\d{1,3})/,
} as const

/** Volumes of `manage-bde -status`. @throws where a volume's conversion or protection cannot be read */
export function manageBde(text: string): Volume[] {
  const volumes: Volume[] = []
  const blocks = text.split(/^(?=\S{1,20} "?[A-Za-z]:"? ?\[)/m).slice(1)
  for (const block of blocks.slice(0, 128)) {
    const lines = block.split(/\r?\n/).map(line => line.trimEnd())
    const name = /"?([A-Za-z]:)"?/.exec(lines[0] ?? '')?.[1] ?? ''
    const said = (label: RegExp) => lines.map(line => label.exec(line)?.[1]).find(value => value !== undefined)
    const system = lines.slice(0, 3).some(line => /^\[(OS Volume|Betriebssystemvolume)\]$/.test(line))
    const method = said(LABELS.method)
    const percent = Number(said(LABELS.percent) ?? Number.NaN)
    const state = stateOf(name, said(LABELS.conversion), said(LABELS.protection))
    volumes.push({
      name: name.toUpperCase(),
      role: system ? 'system' : 'data',
      state,
      method: method === undefined || /^(none|keine)$/i.test(method) ? null : cut(method, 64),
      progressRatio:
        state === 'encrypting' || state === 'decrypting' ? (Number.isFinite(percent) ? Math.min(1, percent / 100) : null) : null,
      detail: cut(said(LABELS.conversion) ?? '', 200) || null,
    })
  }
  return volumes
}

function stateOf(name: string, conversion: string | undefined, protection: string | undefined): State {
  const converted = CONVERSION.find(([words]) => words.test(conversion ?? ''))?.[1]
  if (!converted) throw new Error(`Cannot read the conversion status of ${name}: ${cut(conversion ?? 'it is missing', 80)}`)
  if (converted !== 'on') return converted
  if (/^(protection on|der schutz ist aktiviert)/i.test(protection ?? '')) return 'on'
  if (/^(protection off|der schutz ist deaktiviert)/i.test(protection ?? '')) return 'suspended'
  throw new Error(`Cannot read the protection status of ${name}: ${cut(protection ?? 'it is missing', 80)}`)
}
