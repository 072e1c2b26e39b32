import type { DatabaseSync } from 'node:sqlite'
import { instanceCandidates, noNameLeft } from '../instances.ts'
import type { HostMeta, LinkAnswer, Standing, Token } from '../store.ts'
import { readMeta, readToken } from './rows.ts'

/** Who belongs to the fleet: hosts and tokens. Each method runs inside one transaction. */
export function createMembers(database: DatabaseSync) {
  const tokenById = database.prepare('SELECT * FROM tokens WHERE id = ?')
  const hostById = database.prepare('SELECT * FROM hosts WHERE host_id = ?')
  const owner = database.prepare('SELECT host_id FROM hosts WHERE instance = ?')
  const use = database.prepare('UPDATE tokens SET uses_left = uses_left - 1 WHERE id = ?')
  const put = database.prepare(
    `INSERT INTO hosts (host_id, instance, public_key, labels, enrolled_at, token_id, standing) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (host_id) DO UPDATE SET public_key = excluded.public_key, labels = excluded.labels, token_id = excluded.token_id`,
  )
  const stand = database.prepare('UPDATE hosts SET standing = ? WHERE host_id = ?')
  const name = database.prepare('UPDATE hosts SET instance = ? WHERE host_id = ?')
  const offer = database.prepare('UPDATE hosts SET link_kept = ?, link_offered = ? WHERE host_id = ?')
  const keep = database.prepare('UPDATE hosts SET link_kept = link_offered, link_offered = NULL WHERE host_id = ? AND link_offered = ?')
  const removals = ['hosts', 'facts', 'latest', 'transitions'].map(table => database.prepare(`DELETE FROM ${table} WHERE host_id = ?`))
  const putToken = database.prepare(
    `INSERT OR REPLACE INTO tokens (id, kind, secret_hash, created_at, expires_at, uses_left, labels, role, note, approve)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const removeToken = database.prepare('DELETE FROM tokens WHERE id = ?')

  const token = (id: string): Token | undefined => {
    const row = tokenById.get(id)
    return row && readToken(row)
  }

  return {
    token,

    enrol(tokenId: string, host: Omit<HostMeta, 'enrolledAt'>, now: number): HostMeta | undefined {
      const given = token(tokenId)
      if (given?.kind !== 'enrol' || (given.expiresAt !== null && given.expiresAt <= now)) return undefined
      const before = hostById.get(host.hostId)
      const again = before?.token_id === tokenId
      if (!again && given.usesLeft !== null && given.usesLeft < 1) return undefined
      const free = () => instanceCandidates(host.instance, host.hostId).find(name => owner.get(name) === undefined)
      const instance = before ? String(before.instance) : free()
      if (instance === undefined) throw noNameLeft(host.instance)
      put.run(host.hostId, instance, host.publicKey, JSON.stringify(host.labels), now, tokenId, standingText(host.standing))
      if (!again && given.usesLeft !== null) use.run(tokenId)
      const row = hostById.get(host.hostId)
      return row && readMeta(row)
    },

    setStanding(hostId: string, standing: Standing): HostMeta | undefined {
      stand.run(standingText(standing), hostId)
      const row = hostById.get(hostId)
      return row && readMeta(row)
    },

    rename(hostId: string, instance: string): 'renamed' | 'taken' | 'gone' {
      const held = owner.get(instance)?.host_id
      if (held !== undefined && held !== hostId) return 'taken'
      return Number(name.run(instance, hostId).changes) === 1 ? 'renamed' : 'gone'
    },

    takeLink(hostId: string, shown: string | null, offered: string): LinkAnswer {
      const row = hostById.get(hostId)
      if (!row) return 'gone'
      const kept = row.link_kept === null ? null : String(row.link_kept)
      const before = row.link_offered
      if (kept !== null && (shown === null || (shown !== kept && shown !== before))) return 'cloned'
      offer.run(shown !== null && shown === before ? shown : kept, offered, hostId)
      return 'ok'
    },

    keepLink(hostId: string, offered: string): void {
      keep.run(hostId, offered)
    },

    clearLink(hostId: string): void {
      offer.run(null, null, hostId)
    },

    remove(hostId: string): boolean {
      const [hosts] = removals.map(removal => Number(removal.run(hostId).changes))
      return hosts === 1
    },

    putToken(given: Token): void {
      const { id, kind, secretHash, createdAt, expiresAt, usesLeft, labels, role, note, approve } = given
      putToken.run(id, kind, secretHash, createdAt, expiresAt, usesLeft, JSON.stringify(labels), role, note, Number(approve))
    },

    removeToken: (id: string): boolean => Number(removeToken.run(id).changes) === 1,
  }
}

/** Null where there is nothing to say of it. */
export function standingText(standing: Standing): string | null {
  return standing.state === 'active' ? null : JSON.stringify(standing)
}
