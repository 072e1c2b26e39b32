import type * as Xml from 'fast-xml-parser'
import type * as Plist from 'plist'

/**
 * Readers of XML and property lists. They are loaded where something has to be read by them: the daemon of a machine that has no such tool would carry
 * them all day. Lists of probes that need them load them; a probe of a rare tool does so once it has found the tool.
 */
let xml: typeof Xml | undefined
let plist: typeof Plist | undefined

/** Loads the reader of XML. */
export async function loadXml(): Promise<void> {
  xml ??= await import('fast-xml-parser')
}

/** Loads the readers of property lists and of XML. */
export async function loadPlist(): Promise<void> {
  await loadXml()
  plist ??= await import('plist')
}

/** The reader of XML. @throws where nobody has loaded it */
export function xmlReader(): typeof Xml {
  if (!xml) throw new Error('Cannot read XML: its reader is not loaded')
  return xml
}

/** The reader of property lists. @throws where nobody has loaded it */
export function plistReader(): typeof Plist {
  if (!plist) throw new Error('Cannot read a property list: its reader is not loaded')
  return plist
}
