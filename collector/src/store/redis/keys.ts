import { bucketOf } from '../store.ts'

/** Names of all keys; each base ends in the hash tag that keeps its keys on one node of a Cluster. */
export type Keys = ReturnType<typeof keysOf>

/** @param prefix what all keys begin with, `fettle:` where nothing else is configured */
export function keysOf(prefix: string) {
  const bucket = (number: number) => `${prefix}{f${number}}:`
  const fleet = `${prefix}{fettle}:`
  return {
    /** Base of the keys that belong to the whole fleet. */
    fleet,
    epoch: `${fleet}epoch`,
    /** Base of the keys of a bucket. */
    bucket,
    bucketOf: (hostId: string) => bucket(bucketOf(hostId)),
    host: (hostId: string) => `${bucket(bucketOf(hostId))}h:${hostId}`,
    transitions: (hostId: string) => `${bucket(bucketOf(hostId))}x:${hostId}`,
    hosts: (number: number) => `${bucket(number)}hosts`,
    feed: (number: number) => `${bucket(number)}feed`,
  }
}
