import { FRESH_AHEAD_MS, SEEN_AHEAD_MS } from '../store.ts'

/**
 * The atomic steps, in Lua (redis.io/docs/latest/develop/programmability/eval-intro). Each works on keys of one hash tag, named by the base that
 * is its first key: `fettle:{f12}:` or `fettle:{fettle}:`. README.md beside the store tells every key.
 */

/**
 * Changes of one bucket, in order. ARGV: transitions kept, bytes of them kept, feed entries kept; then for each change: kind (`f` fact, `s` superseded,
 * `b` beat), hostId, seq, received at, clock offset or '', dropped, agent version or '', number of arguments that follow, and those:
 * key, fresh at, hash, body; or for a beat pairs of key and fresh at. Returns a letter each: applied, old, gone.
 * A stamp `t:KEY` is "freshAt hash": the hash of the key's newest transition; freshAt 0 while there is no fact yet.
 */
const apply = String.raw`
local base = KEYS[1]
local kept, bytesKept, feedKept = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local answers = {}

local function append(id, held, entry)
  local list = base .. 'x:' .. id
  local length = redis.call('RPUSH', list, entry)
  local bytes = (tonumber(held) or 0) + #entry
  while length > 1 and (length > kept or bytes > bytesKept) do
    bytes = bytes - #redis.call('LPOP', list)
    length = length - 1
  end
  return bytes
end

local function take(first, extra, kind, id, seq, received, offset, dropped, version)
  local host = base .. 'h:' .. id
  local fields = { 'enrolled', 'seq', 'seen', 'bytes' }
  if kind == 'b' then
    for k = first, first + extra - 1, 2 do fields[#fields + 1] = 't:' .. ARGV[k] end
  else
    fields[5] = 't:' .. ARGV[first]
  end
  local held = redis.call('HMGET', host, unpack(fields))
  if not held[1] then return 'g' end
  if tonumber(seq) <= (tonumber(held[2]) or 0) then return 'o' end
  local set = { 'seq', seq, 'offset', offset, 'dropped', dropped }
  local function put(name, value)
    set[#set + 1] = name
    set[#set + 1] = value
  end
  local seen = tonumber(held[3]) or 0
  if tonumber(received) > seen or seen > received + ${SEEN_AHEAD_MS} then put('seen', received) end
  if version ~= '' then put('version', version) end
  local entry = kind .. id
  if kind == 'b' then
    for k = 0, extra / 2 - 1 do
      local stamp = held[5 + k]
      local fresh, hash = string.match(stamp or '0 ', '^(%S+) (.*)$')
      local given = ARGV[first + 2 * k + 1]
      fresh = tonumber(fresh)
      if fresh > 0 and (tonumber(given) > fresh or fresh > received + ${FRESH_AHEAD_MS}) then put('t:' .. ARGV[first + 2 * k], given .. ' ' .. hash) end
    end
  else
    local key, given, hash, body = ARGV[first], ARGV[first + 1], ARGV[first + 2], ARGV[first + 3]
    local fresh, last = string.match(held[5] or '0 ', '^(%S+) (.*)$')
    if hash ~= last then put('bytes', append(id, held[4], seq .. ' ' .. key .. '\n' .. body)) end
    if kind == 'f' then
      put('d:' .. key, body)
      fresh = given
    end
    put('t:' .. key, fresh .. ' ' .. hash)
    entry = 'f' .. id .. key
  end
  redis.call('HSET', host, unpack(set))
  redis.call('XADD', base .. 'feed', 'MAXLEN', '~', feedKept, '*', 'e', entry)
  return 'a'
end

local i = 4
while ARGV[i] do
  local extra = tonumber(ARGV[i + 7])
  answers[#answers + 1] = take(i + 8, extra, ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6])
  i = i + 8 + extra
end
return table.concat(answers)
`

/** ARGV: hostId, findings as JSON, feed entries kept. Nothing where the host is not enrolled. */
const putFindings = `
local host = KEYS[1] .. 'h:' .. ARGV[1]
if redis.call('HEXISTS', host, 'enrolled') == 0 then return 0 end
redis.call('HSET', host, 'findings', ARGV[2])
redis.call('XADD', KEYS[1] .. 'feed', 'MAXLEN', '~', ARGV[3], '*', 'e', 'n' .. ARGV[1])
return 1
`

/** The first step of an enrolment: counts a use of the token, takes a name. ARGV: tokenId, hostId, now, names best first. Returns the name, 0 for a refused token, 1 where every name is taken. */
const enrolName = `
local base, id = KEYS[1], ARGV[2]
local text = redis.call('HGET', base .. 'tokens', ARGV[1])
if not text then return 0 end
local token = cjson.decode(text)
if token.kind ~= 'enrol' then return 0 end
if type(token.expiresAt) == 'number' and token.expiresAt <= tonumber(ARGV[3]) then return 0 end
local again = redis.call('HGET', base .. 'by', id) == ARGV[1]
local uses = redis.call('HGET', base .. 'uses', ARGV[1])
if not again and uses and tonumber(uses) < 1 then return 0 end
local name = redis.call('HGET', base .. 'ids', id)
for k = 4, #ARGV do
  if name then break end
  local owner = redis.call('HGET', base .. 'names', ARGV[k])
  if not owner or owner == id then name = ARGV[k] end
end
if not name then return 1 end
redis.call('HSET', base .. 'names', name, id)
redis.call('HSET', base .. 'ids', id, name)
redis.call('HSET', base .. 'by', id, ARGV[1])
redis.call('DEL', base .. 'gone:' .. id)
if uses and not again then redis.call('HINCRBY', base .. 'uses', ARGV[1], -1) end
return name
`

/** The second step: the host's record. ARGV: hostId, record as JSON, now, feed entries kept, standing of a new host or ''. Returns when it was enrolled first, and its standing. */
const enrolHost = `
local base, id = KEYS[1], ARGV[1]
local host = base .. 'h:' .. id
if redis.call('HSETNX', host, 'enrolled', ARGV[3]) == 1 and ARGV[5] ~= '' then redis.call('HSET', host, 'standing', ARGV[5]) end
redis.call('HSET', host, 'meta', ARGV[2])
redis.call('SADD', base .. 'hosts', id)
redis.call('XADD', base .. 'feed', 'MAXLEN', '~', ARGV[4], '*', 'e', 'h' .. id)
return { redis.call('HGET', host, 'enrolled'), redis.call('HGET', host, 'standing') or '' }
`

/** Removing, first: from now on no restore and no spent token brings the host back. ARGV: hostId, seconds. */
const removeMark = `
local base, id = KEYS[1], ARGV[1]
redis.call('HDEL', base .. 'by', id)
redis.call('SET', base .. 'gone:' .. id, '1', 'EX', ARGV[2])
return redis.call('HEXISTS', base .. 'ids', id)
`

/** Removing, second: all data of the host. ARGV: hostId, feed entries kept. */
const removeHost = `
local base, id = KEYS[1], ARGV[1]
local known = redis.call('SREM', base .. 'hosts', id)
local deleted = redis.call('DEL', base .. 'h:' .. id, base .. 'x:' .. id)
if known + deleted == 0 then return 0 end
redis.call('XADD', base .. 'feed', 'MAXLEN', '~', ARGV[2], '*', 'e', 'r' .. id)
return 1
`

/** Removing, last: the name, unless the host enrolled again meanwhile. ARGV: hostId. */
const removeName = `
local base, id = KEYS[1], ARGV[1]
if redis.call('HEXISTS', base .. 'by', id) == 1 then return 0 end
local name = redis.call('HGET', base .. 'ids', id)
if not name then return 0 end
redis.call('HDEL', base .. 'ids', id)
if redis.call('HGET', base .. 'names', name) == id then redis.call('HDEL', base .. 'names', name) end
return 1
`

/** Names for hosts that may have been lost. ARGV: number of names of each; then hostId and names, best first. Returns a name each, '' for one that was removed. */
const restoreNames = `
local base, each = KEYS[1], tonumber(ARGV[1])
local names = {}
for i = 2, #ARGV, each + 1 do
  local id = ARGV[i]
  local name = redis.call('HGET', base .. 'ids', id)
  if redis.call('EXISTS', base .. 'gone:' .. id) == 1 then
    name = ''
  elseif not name then
    for k = i + 1, i + each do
      if redis.call('HSETNX', base .. 'names', ARGV[k], id) == 1 or redis.call('HGET', base .. 'names', ARGV[k]) == id then
        name = ARGV[k]
        redis.call('HSET', base .. 'ids', id, name)
        redis.call('HSETNX', base .. 'by', id, '')
        break
      end
    end
  end
  names[#names + 1] = name or ''
end
return names
`

/** Records of hosts that may have been lost. ARGV: feed entries kept; then hostId, record as JSON, enrolled at, standing or ''. */
const restoreHosts = `
local base = KEYS[1]
for i = 2, #ARGV, 4 do
  local id = ARGV[i]
  local host = base .. 'h:' .. id
  if redis.call('HSETNX', host, 'enrolled', ARGV[i + 2]) == 1 then
    if ARGV[i + 3] ~= '' then redis.call('HSET', host, 'standing', ARGV[i + 3]) end
    redis.call('HSET', host, 'meta', ARGV[i + 1])
    redis.call('SADD', base .. 'hosts', id)
    redis.call('XADD', base .. 'feed', 'MAXLEN', '~', ARGV[1], '*', 'e', 'h' .. id)
  end
end
return 1
`

/** ARGV: id, token as JSON without its uses, uses left or '', `write` or `restore`. */
const putToken = `
local base, id = KEYS[1], ARGV[1]
if ARGV[4] == 'restore' and (redis.call('HEXISTS', base .. 'tokens', id) == 1 or redis.call('EXISTS', base .. 'gone:' .. id) == 1) then return 0 end
redis.call('DEL', base .. 'gone:' .. id)
redis.call('HSET', base .. 'tokens', id, ARGV[2])
if ARGV[3] == '' then redis.call('HDEL', base .. 'uses', id) else redis.call('HSET', base .. 'uses', id, ARGV[3]) end
return 1
`

/** ARGV: id, seconds for which no restore brings it back. */
const removeToken = `
local base, id = KEYS[1], ARGV[1]
redis.call('SET', base .. 'gone:' .. id, '1', 'EX', ARGV[2])
redis.call('HDEL', base .. 'uses', id)
return redis.call('HDEL', base .. 'tokens', id)
`

/** Tokens with their uses, of one moment. ARGV: ids, or none for all. Returns JSON and uses in turn. */
const readTokens = `
local base = KEYS[1]
local ids = ARGV
if #ARGV == 0 then ids = redis.call('HKEYS', base .. 'tokens') end
local found = {}
for _, id in ipairs(ids) do
  local text = redis.call('HGET', base .. 'tokens', id)
  if text then
    found[#found + 1] = text
    found[#found + 1] = redis.call('HGET', base .. 'uses', id) or ''
  end
end
return found
`

/**
 * The earliest times of updates of one of the sub-hashes. ARGV: this period's hash, the one before, seconds until this period's hash ends, most entries,
 * then update and time. What is confirmed moves into this period's hash; what no host confirms ends with its own.
 */
const firstSeen = `
local now, before = KEYS[1] .. ARGV[1], KEYS[1] .. ARGV[2]
local room = tonumber(ARGV[4]) - redis.call('HLEN', now)
local times = {}
for i = 5, #ARGV, 2 do
  local update, time = ARGV[i], ARGV[i + 1]
  local held = redis.call('HGET', now, update)
  local earliest = held or redis.call('HGET', before, update)
  if not earliest or tonumber(time) < tonumber(earliest) then earliest = time end
  if held ~= earliest and (held or room > 0) then
    redis.call('HSET', now, update, earliest)
    if not held then room = room - 1 end
  end
  times[#times + 1] = earliest
end
if redis.call('TTL', now) == -1 then redis.call('EXPIRE', now, ARGV[3]) end
return times
`

/** ARGV: hostId, standing as JSON or '' where it is active, feed entries kept. Returns record, enrolled at; nothing where there is no such host. */
const setStanding = `
local base, id = KEYS[1], ARGV[1]
local host = base .. 'h:' .. id
local enrolled = redis.call('HGET', host, 'enrolled')
if not enrolled then return false end
if ARGV[2] == '' then redis.call('HDEL', host, 'standing') else redis.call('HSET', host, 'standing', ARGV[2]) end
redis.call('XADD', base .. 'feed', 'MAXLEN', '~', ARGV[3], '*', 'e', 'h' .. id)
return { redis.call('HGET', host, 'meta'), enrolled }
`

/** Renaming, first: the name. ARGV: hostId, name. Returns `taken`, `gone`, or the name it had (its own where a step was cut off before). */
const renameName = `
local base, id = KEYS[1], ARGV[1]
local before = redis.call('HGET', base .. 'ids', id)
if not before then return 'gone' end
local owner = redis.call('HGET', base .. 'names', ARGV[2])
if owner and owner ~= id then return 'taken' end
redis.call('HSET', base .. 'names', ARGV[2], id)
redis.call('HSET', base .. 'ids', id, ARGV[2])
if before ~= ARGV[2] then redis.call('HDEL', base .. 'names', before) end
return 'renamed'
`

/** Renaming, second: the record, where it is still the one that was read. ARGV: hostId, record before, record after, feed entries kept. */
const renameHost = `
local base, id = KEYS[1], ARGV[1]
local host = base .. 'h:' .. id
if redis.call('HGET', host, 'meta') ~= ARGV[2] then return 0 end
redis.call('HSET', host, 'meta', ARGV[3])
redis.call('XADD', base .. 'feed', 'MAXLEN', '~', ARGV[4], '*', 'e', 'h' .. id)
return 1
`

/** Compares a link token and offers the next. ARGV: hostId, hash shown or '', hash offered. */
const takeLink = `
local host = KEYS[1] .. 'h:' .. ARGV[1]
local held = redis.call('HMGET', host, 'enrolled', 'linkKept', 'linkOffered')
if not held[1] then return 'gone' end
local kept, before, shown = held[2], held[3], ARGV[2]
if kept and shown ~= kept and shown ~= before then return 'cloned' end
if before and shown == before then redis.call('HSET', host, 'linkKept', shown) end
redis.call('HSET', host, 'linkOffered', ARGV[3])
return 'ok'
`

/** ARGV: hostId, hash offered. */
const keepLink = `
local host = KEYS[1] .. 'h:' .. ARGV[1]
if redis.call('HGET', host, 'linkOffered') ~= ARGV[2] then return 0 end
redis.call('HSET', host, 'linkKept', ARGV[2])
redis.call('HDEL', host, 'linkOffered')
return 1
`

/** ARGV: hostId. */
const clearLink = `
return redis.call('HDEL', KEYS[1] .. 'h:' .. ARGV[1], 'linkKept', 'linkOffered')
`

/** ARGV: entry as JSON without its id, entries kept. */
const addAudit = `
local id = redis.call('INCR', KEYS[1] .. 'audit:id')
redis.call('LPUSH', KEYS[1] .. 'audit', id .. ' ' .. ARGV[1])
redis.call('LTRIM', KEYS[1] .. 'audit', 0, tonumber(ARGV[2]) - 1)
return id
`

/** Newest first. ARGV: most, id before which or ''. Ids have no gaps, so the place of one is known. */
const listAudit = `
local from = 0
if ARGV[2] ~= '' then from = math.max(0, tonumber(redis.call('GET', KEYS[1] .. 'audit:id') or '0') - tonumber(ARGV[2]) + 1) end
return redis.call('LRANGE', KEYS[1] .. 'audit', from, from + tonumber(ARGV[1]) - 1)
`

/** ARGV: name, text, ms or '', `put` or `first`. Returns the text that holds. */
const putValue = `
local key = KEYS[1] .. 'v:' .. ARGV[1]
if ARGV[4] == 'first' then
  local held = redis.call('GET', key)
  if held then return held end
end
if ARGV[3] == '' then redis.call('SET', key, ARGV[2]) else redis.call('SET', key, ARGV[2], 'PX', ARGV[3]) end
redis.call('SADD', KEYS[1] .. 'values', ARGV[1])
return ARGV[2]
`

/** ARGV: name. */
const getValue = `
return redis.call('GET', KEYS[1] .. 'v:' .. ARGV[1])
`

/** ARGV: name. Returns the text that was there. */
const takeValue = `
local key = KEYS[1] .. 'v:' .. ARGV[1]
local held = redis.call('GET', key)
redis.call('DEL', key)
redis.call('SREM', KEYS[1] .. 'values', ARGV[1])
return held
`

/** Names that begin so; those whose time is over are forgotten. ARGV: beginning. */
const listValues = `
local found = {}
for _, name in ipairs(redis.call('SMEMBERS', KEYS[1] .. 'values')) do
  if string.sub(name, 1, #ARGV[1]) == ARGV[1] then
    if redis.call('EXISTS', KEYS[1] .. 'v:' .. name) == 1 then found[#found + 1] = name else redis.call('SREM', KEYS[1] .. 'values', name) end
  end
end
return found
`

/** ARGV: name, holder, ms. Returns the fencing number; nothing while another holds it. */
const takeLease = `
local key, fence = KEYS[1] .. 'lease:' .. ARGV[1], KEYS[1] .. 'fence:' .. ARGV[1]
local holder = redis.call('GET', key)
if holder and holder ~= ARGV[2] then return false end
redis.call('SET', key, ARGV[2], 'PX', ARGV[3])
if holder then return tonumber(redis.call('GET', fence)) end
return redis.call('INCR', fence)
`

/** ARGV: name, holder. */
const releaseLease = `
local key = KEYS[1] .. 'lease:' .. ARGV[1]
if redis.call('GET', key) == ARGV[2] then return redis.call('DEL', key) end
return 0
`

/** A host out of a backup. ARGV: hostId, feed entries kept, number of fields and values, those, then transitions oldest first. */
const fillHost = `
local base, id, fields = KEYS[1], ARGV[1], tonumber(ARGV[3])
local host = base .. 'h:' .. id
redis.call('SADD', base .. 'hosts', id)
for i = 4, 3 + fields, 2 do redis.call('HSET', host, ARGV[i], ARGV[i + 1]) end
for i = 4 + fields, #ARGV do redis.call('RPUSH', base .. 'x:' .. id, ARGV[i]) end
redis.call('XADD', base .. 'feed', 'MAXLEN', '~', ARGV[2], '*', 'e', 'h' .. id)
return 1
`

/** The name of a host out of a backup. ARGV: hostId, name, token it came by. */
const fillName = `
local base, id = KEYS[1], ARGV[1]
redis.call('HSET', base .. 'names', ARGV[2], id)
redis.call('HSET', base .. 'ids', id, ARGV[2])
redis.call('HSET', base .. 'by', id, ARGV[3])
return 1
`

/** An entry of the audit log out of a backup. ARGV: id, entry as JSON without it. Oldest first. */
const fillAudit = `
redis.call('SET', KEYS[1] .. 'audit:id', ARGV[1])
redis.call('LPUSH', KEYS[1] .. 'audit', ARGV[1] .. ' ' .. ARGV[2])
return 1
`

export const scripts = {
  apply,
  putFindings,
  enrolName,
  enrolHost,
  removeMark,
  removeHost,
  removeName,
  restoreNames,
  restoreHosts,
  putToken,
  removeToken,
  readTokens,
  firstSeen,
  setStanding,
  renameName,
  renameHost,
  takeLink,
  keepLink,
  clearLink,
  addAudit,
  listAudit,
  putValue,
  getValue,
  takeValue,
  listValues,
  takeLease,
  releaseLease,
  fillHost,
  fillName,
  fillAudit,
} as const
