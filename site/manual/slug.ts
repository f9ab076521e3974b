// The anchor of a heading, as GitHub makes it: the same link then works there and on the built pages.

/** `## What it computes` → `what-it-computes`. A second heading of the same words gets `-1`, by whoever counts them. */
export const slugOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-');
