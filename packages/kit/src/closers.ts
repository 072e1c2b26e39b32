/** What was opened, closed again last-in-first-out, on failure and on stop alike. One that fails does not keep the others open. */
export class Closers {
  readonly #closers: (() => Promise<void> | void)[] = []
  #closing: Promise<void> | undefined

  add(close: () => Promise<void> | void): void {
    this.#closers.push(close)
  }

  /** Closes all; a second call waits for the first. @throws AggregateError of what failed */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #closeAll(): Promise<void> {
    const failures: unknown[] = []
    for (const close of this.#closers.reverse()) {
      try {
        await close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'Cannot close everything')
  }
}
