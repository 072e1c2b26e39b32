import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'

/** Variables without which programs of Windows do not start or find themselves; nothing else of the agent's own is handed on. */
const KEPT = [
  'SystemRoot',
  'SystemDrive',
  'windir',
  'ProgramFiles',
  'ProgramFiles(x86)',
  'ProgramW6432',
  'ProgramData',
  'ComSpec',
  'COMPUTERNAME',
  'NUMBER_OF_PROCESSORS',
  'PROCESSOR_ARCHITECTURE',
  'PROCESSOR_ARCHITEW6432',
  'TEMP',
  'TMP',
  'USERPROFILE',
]

/** Environment of every command on Windows. */
export function windowsEnvironment(own: NodeJS.ProcessEnv): Record<string, string> {
  const kept = KEPT.flatMap(name => (own[name] === undefined ? [] : [[name, own[name]] as const]))
  return { ...Object.fromEntries(kept), PATH: foldersOf(own).join(';'), PATHEXT: '.COM;.EXE' }
}

/** Where executables are taken from; a 32-bit process must pass by the redirection of System32. */
function foldersOf(own: NodeJS.ProcessEnv): string[] {
  const root = own.SystemRoot ?? 'C:\\Windows'
  const system = own.PROCESSOR_ARCHITEW6432 === undefined ? `${root}\\System32` : `${root}\\Sysnative`
  return [system, `${system}\\WindowsPowerShell\\v1.0`, `${system}\\wbem`]
}

/** Where an executable of Windows is, or undefined; an absolute path is taken as it is. */
export function lookUpOnWindows(command: string, own: NodeJS.ProcessEnv): string | undefined {
  const absolute = /^[A-Za-z]:\\/.test(command)
  if (!absolute && !/^[\w.-]+$/.test(command)) return undefined
  const name = /\.(exe|com)$/i.test(command) ? command : `${command}.exe`
  const candidates = absolute ? [command] : foldersOf(own).map(folder => `${folder}\\${name}`)
  return candidates.find(isThere)
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.F_OK)
    return true
  } catch {
    return false
  }
}

/** Ends a process with all that it started: Windows has no process groups that could be signalled. */
export function killTreeOnWindows(pid: number, own: NodeJS.ProcessEnv): void {
  const taskkill = lookUpOnWindows('taskkill', own)
  if (taskkill) spawn(taskkill, ['/T', '/F', '/PID', String(pid)], { stdio: 'ignore', windowsHide: true }).on('error', () => {})
}
