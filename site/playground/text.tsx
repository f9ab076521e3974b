// A text of a corpus or of a model. It is shown as text and in a direction of its own, so that marks of writing direction in
// it change nothing beside it.
export const Text = ({ label, children }: { label: string; children: string }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text scrolls, and keys must reach it
  <section class="text" tabIndex={0} aria-label={label}>
    <pre dir="auto">{children}</pre>
  </section>
);
