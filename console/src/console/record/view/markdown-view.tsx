import type { ReactNode } from 'react'
import Markdown from 'react-markdown'

/** Markdown as it is meant. HTML in it stays text, and nothing is loaded from elsewhere. */
export function MarkdownView({ text }: { readonly text: string }): ReactNode {
  return (
    <section className="lines prose" tabIndex={0} aria-label="Value as Markdown">
      <Markdown
        components={{
          img: ({ alt, src }) => (
            <span className="soft">
              [Image: {alt === '' || alt === undefined ? String(src) : alt}]
            </span>
          ),
          a: ({ href, children }) => (
            <a href={href} target="_blank" rel="noreferrer noopener">
              {children}
            </a>
          ),
        }}
      >
        {text}
      </Markdown>
    </section>
  )
}
