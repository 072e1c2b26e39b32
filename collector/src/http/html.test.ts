import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { html } from './html.ts'

describe('html', () => {
  test('what a host sends stays text, in content and in attributes', () => {
    const name = `"><script>alert('x')</script>`
    expect(html`<a title="${name}">${name}</a>`.toString()).toBe(
      '<a title="&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;">&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</a>',
    )
  })

  test('a template inside a template is not escaped twice; nothing is left of null and false', () => {
    expect(html`<ul>${['a<', 'b'].map(item => html`<li>${item}</li>`)}${null}${false}</ul>`.toString()).toBe(
      '<ul><li>a&lt;</li><li>b</li></ul>',
    )
  })

  test('no text whatever opens a tag or hides by control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(html`${text}`.toString()).not.toMatch(/[<>"'\u0000-\u0008\u001b\u202e]/)
      }),
    )
  })
})
