import { globSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { Language, type Node, Parser } from 'web-tree-sitter'
import { BOOTSTRAP, scriptOf } from '../host/powershell.ts'
import { probes } from './index.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))
const scripts = globSync('*/*.ps1', { cwd: folder }).sort()
const load = (file: string) => readFileSync(`${folder}${file}`, 'utf8')

/** Commands that read. Whatever is not here is refused: a new one is looked at by a person first. */
const READS =
  /^(Get-(AppxPackage|LocalGroupMember|Cim(Associated)?Instance|ItemProperty|ItemPropertyValue|ChildItem|Item|Mp\w+|Net\w+|ScheduledTask(Info)?|Smb\w+|Service|WB\w+|WinEvent|Date|Volume|StoragePool|VirtualDisk|PhysicalDisk|StorageJob|Content)|Test-Path|Select-Object|Where-Object|ForEach-Object|Sort-Object|Measure-Object|New-Object|ConvertTo-Json|Out-String|Utc|Attempt|Failure)$/i
/** Objects of COM that a script may make: they are asked, never told. */
const ASKED = /New-Object\s+-ComObject\s+(?!Microsoft\.Update\.(Session|AutoUpdate|SystemInfo)\b)/i
/** Methods that change something, of any object. */
const CHANGES =
  /^(Set|Put|Delete|Remove|Create(?!UpdateSearcher$)|Write(?!Line$)|Install|Uninstall|Download|Start|Stop|Kill|Invoke|Add|Move|Copy|Enable|Disable|Suspend|Lock|Detect|Load|Open\w*Write)\w*$/i

let parser: Parser
beforeAll(async () => {
  await Parser.init()
  parser = new Parser()
  parser.setLanguage(await Language.load(createRequire(import.meta.url).resolve('tree-sitter-powershell/tree-sitter-powershell.wasm')))
})

function nodes(text: string, type: string): Node[] {
  const tree = parser.parse(text)
  return (tree?.rootNode.descendantsOfType(type) ?? []).filter(node => node !== null)
}

/** What a script does besides reading, in words; empty where it only reads. */
function changes(text: string): string[] {
  const commands = nodes(text, 'command_name').map(node => node.text)
  const methods = nodes(text, 'invokation_expression').map(node => /[.:]([A-Za-z]\w*)\s*\(/.exec(node.text)?.[1] ?? '')
  return [
    ...commands.filter(name => !READS.test(name)).map(name => `runs ${name}`),
    ...methods.filter(name => CHANGES.test(name)).map(name => `calls ${name}`),
    ...nodes(text, 'redirection').map(node => `redirects ${node.text}`),
    ...(ASKED.test(text) ? ['makes another object of COM'] : []),
    ...(/\b(iex|Invoke-\w+|Start-\w+|Add-Type)\b/i.test(text) ? ['names a command that does more than read'] : []),
  ]
}

test('there are scripts, and each belongs to a probe of Windows', () => {
  const keys = new Set(probes.filter(probe => probe.platforms.includes('win32')).map(probe => `${probe.subject}/${probe.source}.ps1`))
  expect(scripts.length).toBeGreaterThan(0)
  expect(scripts.filter(file => !keys.has(file.replaceAll('\\', '/')))).toEqual([])
})

test.each(scripts)('%s is PowerShell by its grammar, in plain ASCII, and short enough to read', file => {
  const text = load(file)
  expect(parser.parse(text)?.rootNode.hasError).toBe(false)
  expect(/^[\n\x20-\x7e]*$/.test(text)).toBe(true)
  expect(text.split('\n').length).toBeLessThan(80)
})

test.each(scripts)('%s only reads', file => {
  expect(changes(load(file))).toEqual([])
})

test('what surrounds the scripts is PowerShell by its grammar too', () => {
  expect(parser.parse(BOOTSTRAP)?.rootNode.hasError).toBe(false)
  expect(parser.parse(scriptOf([{ name: 'a/b', script: '@{ a = 1 }' }]))?.rootNode.hasError).toBe(false)
})

test.each([
  'Set-ItemProperty -Path HKLM:\\x -Name y -Value 1',
  'Remove-Item C:\\x',
  "Invoke-Expression 'dir'",
  'iex $x',
  'Get-Process > C:\\x.txt',
  'Start-Service wuauserv',
  'New-Object -ComObject WScript.Shell',
  '$installer.Install()',
  '[IO.File]::WriteAllText("C:\\x", "y")',
  'Stop-Computer',
  'cmd.exe /c del x',
])('a script that does more than read is refused: %s', text => {
  expect(changes(text)).not.toEqual([])
})

test('a text that is no PowerShell is refused', () => {
  expect(parser.parse('if ($x { ')?.rootNode.hasError).toBe(true)
})
