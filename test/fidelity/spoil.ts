/** A source of numbers from 0 to 1 that gives the same ones again for the same seed. */
export type Random = () => number

/** A way in which a capture arrives worse than it was. */
export type Spoil = { readonly name: string; spoil(text: string, random: Random): string }

/** Mulberry32 by Tommy Ettinger, seeded by a text. */
export function randomOf(seed: string): Random {
  let state = [...seed].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193), 0x811c9dc5)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What tools say in English, and in the German, French and Spanish of the same tools. */
const WORDS: readonly (readonly [english: RegExp, ...translated: string[]])[] = [
  [/\bStatus\b/g, 'Zustand', 'État', 'Estado'],
  [/\bState\b/g, 'Zustand', 'État', 'Estado'],
  [/\bHealthy\b/g, 'Fehlerfrei', 'Sain', 'Correcto'],
  [/\bEnabled\b/gi, 'Aktiviert', 'Activé', 'Habilitado'],
  [/\bDisabled\b/gi, 'Deaktiviert', 'Désactivé', 'Deshabilitado'],
  [/\bYes\b/gi, 'Ja', 'Oui', 'Sí'],
  [/\bNo\b/gi, 'Nein', 'Non', 'No'],
  [/\bFailed\b/gi, 'Fehlgeschlagen', 'Échec', 'Error'],
  [/\bErrors?\b/gi, 'Fehler', 'Erreur', 'Error'],
  [/\bWarning\b/gi, 'Warnung', 'Avertissement', 'Advertencia'],
  [/\bTemperature\b/gi, 'Temperatur', 'Température', 'Temperatura'],
  [/\bActive\b/gi, 'Aktiv', 'Actif', 'Activo'],
  [/\bSecurity\b/gi, 'Sicherheit', 'Sécurité', 'Seguridad'],
]

/** All ways, each applied to each capture. */
export const spoils: readonly Spoil[] = [
  ...[0.98, 0.75, 0.5, 0.2].map(
    (share): Spoil => ({
      name: `cut at ${share * 100} %`,
      spoil: (text, random) => text.slice(0, Math.floor(text.length * (share - random() * 0.05))),
    }),
  ),
  { name: 'its last line cut', spoil: text => text.trimEnd().slice(0, Math.max(0, text.trimEnd().length - 3)) },
  ...['one line', 'some lines'].map(
    (name, some): Spoil => ({
      name: `without ${name}`,
      spoil(text, random) {
        const lines = text.split('\n')
        const gone = Math.floor(random() * lines.length)
        return lines.filter((_, at) => (some ? random() > 0.15 : at !== gone)).join('\n')
      },
    }),
  ),
  { name: 'with decimal commas', spoil: text => text.replace(/(\d)\.(\d)/g, '$1,$2') },
  { name: 'in capitals', spoil: text => text.toUpperCase() },
  ...['German', 'French', 'Spanish'].map(
    (language, at): Spoil => ({
      name: `in ${language}`,
      spoil: text => WORDS.reduce((said, [english, ...translated]) => said.replace(english, translated[at] ?? ''), text),
    }),
  ),
  { name: 'with zeros for a byte in it', spoil: (text, random) => splice(text, random, '\0\0\0') },
]

/** These cost time: applied once a source. */
export const costly: readonly Spoil[] = [
  { name: 'with a line of 10 MB', spoil: text => `${text}\n${'x'.repeat(10 * 1024 * 1024)}\n` },
  { name: 'after a hundred thousand empty lines', spoil: text => `${'\n'.repeat(100_000)}${text}` },
]

function splice(text: string, random: Random, more: string): string {
  const at = Math.floor(random() * text.length)
  return `${text.slice(0, at)}${more}${text.slice(at)}`
}
