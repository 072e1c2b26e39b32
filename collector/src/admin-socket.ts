import { join } from 'node:path'

/** Longest path of a Unix socket, bytes; see unix(7). */
const LONGEST_SOCKET_PATH = 107

/** Where a running collector takes its administrator's commands. @throws where the data folder's path is too long for a socket */
export function adminSocket(data: string): string {
  const path = join(data, 'collector.sock')
  if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH)
    throw new Error(
      `Cannot use the data folder ${data}: its socket's path would be longer than ${LONGEST_SOCKET_PATH} bytes; choose a shorter one`,
    )
  return path
}
