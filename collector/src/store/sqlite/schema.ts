/**
 * The tables, as steps that each lead from one `user_version` to the next: a released step is never changed, a new one is added behind it.
 * Times are epoch ms; they are REAL because an agent's clock offset may leave fractions.
 */
export const steps: readonly string[] = [
  `
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE hosts (
  host_id TEXT PRIMARY KEY,
  instance TEXT NOT NULL UNIQUE,
  public_key TEXT NOT NULL,
  labels TEXT NOT NULL,
  enrolled_at REAL NOT NULL,
  token_id TEXT NOT NULL,
  seq INTEGER NOT NULL DEFAULT 0,
  last_seen_at REAL NOT NULL DEFAULT 0,
  agent_version TEXT NOT NULL DEFAULT '',
  clock_offset_ms REAL,
  dropped INTEGER NOT NULL DEFAULT 0,
  findings TEXT NOT NULL DEFAULT '[]',
  transitions INTEGER NOT NULL DEFAULT 0,
  transition_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE facts (
  host_id TEXT NOT NULL,
  key TEXT NOT NULL,
  outcome TEXT NOT NULL,
  at REAL NOT NULL,
  fresh_at REAL NOT NULL,
  every_ms REAL NOT NULL,
  took_ms REAL NOT NULL,
  reason TEXT,
  hint TEXT,
  hash TEXT NOT NULL,
  data TEXT,
  PRIMARY KEY (host_id, key)
) STRICT;

-- The hash of the newest transition of each key: tells whether the next report is one.
CREATE TABLE latest (host_id TEXT NOT NULL, key TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (host_id, key)) STRICT, WITHOUT ROWID;

CREATE TABLE transitions (
  host_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  key TEXT NOT NULL,
  at REAL NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT,
  hash TEXT NOT NULL,
  data TEXT,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (host_id, seq)
) STRICT;

CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  secret_hash TEXT NOT NULL,
  created_at REAL NOT NULL,
  expires_at REAL,
  uses_left INTEGER,
  labels TEXT NOT NULL,
  role TEXT,
  note TEXT NOT NULL
) STRICT;

CREATE TABLE first_seen (name TEXT PRIMARY KEY, at REAL NOT NULL, confirmed_day INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX first_seen_by_day ON first_seen (confirmed_day);
`,
  `
ALTER TABLE hosts ADD COLUMN standing TEXT;
ALTER TABLE hosts ADD COLUMN link_kept TEXT;
ALTER TABLE hosts ADD COLUMN link_offered TEXT;
ALTER TABLE tokens ADD COLUMN approve INTEGER NOT NULL DEFAULT 0;
CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at REAL NOT NULL,
  who TEXT NOT NULL,
  what TEXT NOT NULL,
  target TEXT NOT NULL,
  detail TEXT NOT NULL,
  address TEXT NOT NULL
) STRICT;
-- "values" is a word of SQL's own.
CREATE TABLE kept_values (name TEXT PRIMARY KEY, text TEXT NOT NULL, ends_at REAL) STRICT, WITHOUT ROWID;
CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, ends_at REAL NOT NULL, fence INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`,
]
