import { Socket } from 'node:net'
import { upgradeRequest } from '../kit/raw.ts'

/*
 * Opens so many sockets to a port of loopback, from several addresses, and keeps opening those that are cut. A third says nothing, a third half a
 * request, a third asks to be greeted and never says hello. Prints `opened N` once it has tried them all. Arguments: port, sockets.
 */
const [port = '', sockets = ''] = process.argv.slice(2)
const AT_ONCE = 200
const ADDRESSES = 20
const half = upgradeRequest().slice(0, -2)

let tried = 0
function attack(i: number): void {
  const socket = new Socket()
  const again = () => setTimeout(() => attack(i), 1_000)
  socket.on('error', () => {})
  socket.once('close', again)
  socket.resume()
  socket.connect({ port: Number(port), host: '127.0.0.1', localAddress: `127.0.0.${2 + (i % ADDRESSES)}` }, () => {
    if (i % 3 === 1) socket.write(half)
    if (i % 3 === 2) socket.write(`${half}\r\n`)
  })
}

const timer = setInterval(() => {
  for (let k = 0; k < AT_ONCE && tried < Number(sockets); k++) attack(tried++)
  if (tried < Number(sockets)) return
  clearInterval(timer)
  process.stdout.write(`opened ${tried}\n`)
}, 20)
