import { expect, test } from 'vitest'
import { Closers } from './closers.ts'

test('what was opened last is closed first, one after the other', async () => {
  const closers = new Closers()
  const order: string[] = []
  closers.add(() => void order.push('store'))
  closers.add(async () => {
    await new Promise(resolve => setImmediate(resolve))
    order.push('server')
  })
  closers.add(() => void order.push('socket'))

  await closers.close()

  expect(order).toEqual(['socket', 'server', 'store'])
})

test('one that fails does not keep the others open, and every failure is told', async () => {
  const closers = new Closers()
  const closed: string[] = []
  closers.add(() => void closed.push('store'))
  closers.add(() => Promise.reject(new Error('no server')))
  closers.add(() => {
    throw new Error('no socket')
  })

  const told = await closers.close().then(
    () => undefined,
    (error: unknown) => error as AggregateError,
  )

  expect(closed).toEqual(['store'])
  expect(told?.errors.map((error: Error) => error.message)).toEqual(['no socket', 'no server'])
})

test('whoever closes while it closes waits for the same end; nothing is closed twice', async () => {
  const closers = new Closers()
  let closed = 0
  closers.add(() => void closed++)

  await Promise.all([closers.close(), closers.close()])
  await closers.close()

  expect(closed).toBe(1)
})
