import { secretMade } from './secrets.ts'

/** An answer, and what the visitor saw. */
export type Seen = {
  readonly status: number
  readonly text: string
  readonly url: string
  readonly location: string | null
  readonly headers: Headers
}

/** Somebody with a browser's cookies and none of its rules: goes where a test wants, and stops where it wants. */
export class Visitor {
  readonly cookies = new Map<string, string>()

  /** One request, redirects not followed. */
  async ask(url: string, init: RequestInit & { form?: Record<string, string> } = {}): Promise<Seen> {
    const { form, ...rest } = init
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const body = form ? { method: 'POST', body: new URLSearchParams(form) } : {}
    const answer = await fetch(url, {
      ...rest,
      ...body,
      headers: { ...(cookie ? { cookie } : {}), ...(rest.headers as object) },
      redirect: 'manual',
    })
    for (const line of answer.headers.getSetCookie()) this.#keep(line)
    const location = answer.headers.get('location')
    secretMade(/[?&]code=([^&]+)/.exec(location ?? '')?.[1] ?? '')
    return {
      status: answer.status,
      text: await answer.text(),
      url,
      headers: answer.headers,
      location: location && new URL(location, url).href,
    }
  }

  /** Follows redirects, as `person` at the provider, until something else comes or an address that `stopAt` wants to see first. */
  async go(url: string, person: string, stopAt: (url: string) => boolean = () => false): Promise<Seen> {
    let seen = await this.ask(url)
    for (let hops = 0; hops < 20; hops++) {
      if (seen.location && !stopAt(seen.location)) seen = await this.ask(seen.location)
      else if (seen.url.includes('/interaction/') && seen.status === 200) seen = await this.ask(seen.url, { form: { login: person } })
      else return seen
    }
    throw new Error(`Cannot follow ${url}: it never ends`)
  }

  #keep(line: string): void {
    const [pair = ''] = line.split(';')
    const name = pair.slice(0, pair.indexOf('='))
    const value = pair.slice(pair.indexOf('=') + 1)
    if (/max-age=0|expires=thu, 01 jan 1970/i.test(line) || value === '') this.cookies.delete(name)
    else this.cookies.set(name, secretMade(value))
  }
}

/** The token that forms of a page carry. */
export function formTokenOf(text: string): string {
  return secretMade(/name="token" value="([^"]+)"/.exec(text)?.[1] ?? '')
}
