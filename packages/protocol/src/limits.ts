/** Every limit of the conversation: name, unit, value. Both ends refuse what goes beyond. */
export const limits = {
  /** Largest frame on the wire, bytes. */
  frameBytes: 1024 * 1024,
  /** A frame larger than this may travel deflated, bytes. */
  deflateOverBytes: 8 * 1024,
  /** Largest frame after inflating, bytes. */
  inflatedBytes: 4 * 1024 * 1024,
  /** Largest frame before authentication, bytes. */
  helloBytes: 64 * 1024,
  /** Deepest nesting of JSON. */
  jsonDepth: 24,
  /** Most facts of one host. */
  factsPerHost: 256,
  /** Longest key `subject/source`, characters. */
  keyLength: 64,
  /** Longest certificate in PEM, characters. */
  certificateLength: 8 * 1024,
  /** Longest enrolment string, characters. */
  enrolmentLength: 2048,
  /** Longest reason or hint, characters. */
  reasonLength: 512,
  /** The handshake must be over by then, ms. */
  handshakeMs: 10_000,
  /** The collector pings this often, ms; below the 60 s after which proxies cut idle connections. */
  pingMs: 25_000,
  /** Without any frame or pong for this long a connection is dead, ms; at both ends. */
  silenceMs: 70_000,
  /** Longest probe interval that is believed, ms: stale must mean something. */
  everyMs: 7 * 24 * 3600 * 1000,
  /** Reports an agent sends before it waits for an acknowledgement. */
  inFlightReports: 64,
} as const

/** WebSocket subprotocol, and the version in `hello`. */
export const SUBPROTOCOL = 'fettle.v1'
export const PROTOCOL = 1

/** Close codes of RFC 6455 section 7.4.2's private range, each with what the other end does about it. */
export const closeCodes = {
  /** Authentication failed: the same for every reason. The agent backs off for long. */
  refused: 4401,
  /** A frame broke the protocol or a limit. */
  protocol: 4400,
  /** A newer connection of the same host took over. */
  superseded: 4409,
  /** No life for `silenceMs`. */
  silent: 4408,
  /** The collector stops or sheds load; `bye` told when to come back. */
  goingAway: 4503,
  /** The host was removed or its key revoked. */
  revoked: 4403,
  /** The key of the host was seen on two machines: an operator has to part them. Told only to who has proved the key. */
  quarantined: 4423,
  /** Enrolled, and an operator has not approved it yet. Told only to who has proved the key. */
  pending: 4425,
} as const
