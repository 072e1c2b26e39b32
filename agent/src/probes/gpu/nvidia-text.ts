import { linesOf } from '../lines.ts'
import type { Json } from '../loose-json.ts'

/** Whether a text is what `nvidia-smi -q` prints for people. */
export const isQueryText = (text: string): boolean => /^=+NVSMI LOG=+/m.test(text)

/** Names of the text whose elements in the XML are called otherwise, by section. */
const NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  temperature: {
    gpu_current_temp: 'gpu_temp',
    gpu_slowdown_temp: 'gpu_temp_slow_threshold',
    gpu_shutdown_temp: 'gpu_temp_max_threshold',
    gpu_t_limit_temp: 'gpu_temp_tlimit',
  },
  remapped_rows: {
    correctable_error: 'remapped_row_corr',
    uncorrectable_error: 'remapped_row_unc',
    pending: 'remapped_row_pending',
    remapping_failure_occurred: 'remapped_row_failure',
  },
  retired_pages: { pending_page_blacklist: 'pending_blacklist', pending: 'pending_retirement' },
}
const PAGES: Readonly<Record<string, string>> = {
  single_bit_ecc: 'multiple_single_bit_retirement',
  double_bit_ecc: 'double_bit_retirement',
}

type Node = { [key: string]: string | Node }

/**
 * `nvidia-smi -q` for people as the elements of its XML: sections by their indentation, fields as `Name : value`.
 * @throws Error where a GPU is not told to its end, which its processes are
 */
export function queryDocument(text: string): Json {
  const [head = '', ...blocks] = text.split(/^(?=GPU [0-9a-f]{4,8}:)/im)
  const top = treeOf(head)
  for (const block of blocks)
    if (!/^ {4}(Processes|Compute Processes)\b/m.test(block) && !/GPU is lost/i.test(block))
      throw new Error('Cannot read nvidia-smi: a GPU is cut short, its processes are missing')
  return { driver_version: top.driver_version, attached_gpus: top.attached_gpus, gpu: blocks.map(gpuOf) }
}

function gpuOf(block: string): Json {
  const address = /^GPU (\S+)/.exec(block)?.[1]
  const tree = treeOf(block.slice(block.indexOf('\n') + 1))
  return { '@id': address, uuid: tree.gpu_uuid, ...tree, ...(/GPU is lost/i.test(block) ? { lost: 'GPU is lost' } : {}) }
}

const keyOf = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')

function treeOf(text: string): Node {
  const top: Node = {}
  const open: { readonly depth: number; readonly name: string; readonly node: Node }[] = [{ depth: -1, name: '', node: top }]
  for (const line of linesOf(text)) {
    const [, indent = '', name = '', value] = /^( *)(\S[^:]{0,60}?)\s*(?: : ?(.*))?$/.exec(line) ?? []
    if (name === '') continue
    while ((open.at(-1)?.depth ?? -1) >= indent.length) open.pop()
    const section = open.at(-1)
    if (!section) continue
    const key = keyOf(name)
    if (value === undefined) {
      const node: Node = {}
      section.node[key] = node
      open.push({ depth: indent.length, name: key, node })
    } else place(section.name, section.node, key, value)
  }
  return top
}

function place(section: string, node: Node, key: string, value: string): void {
  const page = section === 'retired_pages' && Object.hasOwn(PAGES, key) ? PAGES[key] : undefined
  if (page) node[page] = { retired_count: value }
  else if (/^clocks_(throttle|event)_reasons$/.test(section)) node[`reason_${key}`] = value
  else node[NAMES[section]?.[key] ?? key] = value
}
