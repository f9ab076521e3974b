// How docs/ becomes the pages under /docs/: VitePress with its own search, and nothing from elsewhere. The Markdown reads the
// same on GitHub: anchors are alike, and links that leave docs/ become plain words, since only a clone has those files.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitepress';
import { licencesText, packageOf } from '../licences.ts';
import { linksAsPages } from '../links.ts';
import { sidebar } from '../path.ts';
import { scriptsAsFiles } from '../scripts.ts';
import { slugOf } from '../slug.ts';

const BASE = '/docs/';
const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const inlined = new Map<string, string>();

/** docs/ stands beside this package and not in it: what its pages import as components is looked for from here. */
const asFromHere: Plugin = {
  name: 'as-from-here',
  enforce: 'pre',
  resolveId(id, importer, { ssr }) {
    if (!/^vue(\/|$)/.test(id) || !importer?.endsWith('.md')) return null;
    // pages are rendered by a process that finds it by itself
    return ssr ? { id, external: true } : this.resolve(id, at('./config.ts'));
  },
};

/** Whose code the pages hold. */
const holds = new Set<string>();
const noted: Plugin = {
  name: 'noted',
  generateBundle(_, bundle) {
    for (const part of Object.values(bundle)) {
      for (const id of part.type === 'chunk' ? part.moduleIds : []) {
        const directory = packageOf(id);
        if (directory !== undefined) holds.add(directory);
      }
    }
  },
};

export default defineConfig({
  title: 'Sift Edge',
  description: 'Test-time fine-tuning at the edge, with examples that SIFT chooses',
  lang: 'en',
  base: BASE,
  srcDir: at('../../../docs'),
  outDir: at('../../../build/manual'),
  cacheDir: at('./cache'),
  cleanUrls: true,
  metaChunk: true,
  // else a change of the theme writes a style sheet into the page, which the policy refuses
  appearance: { disableTransition: false },
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: {
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    anchor: { slugify: slugOf },
    toc: { slugify: slugOf },
    config: linksAsPages,
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    sidebar: sidebar.map(({ text, items }) => ({ text, items: [...items] })),
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'How it works', link: '/how-it-works' },
      { text: 'API', link: '/reference/api' },
    ],
  },
  vite: { plugins: [asFromHere, noted], ssr: { external: ['vue', 'vue/server-renderer'] } },
  transformHtml: (html) => {
    const moved = scriptsAsFiles(html, BASE);
    for (const [name, code] of moved.files) inlined.set(name, code);
    return moved.html;
  },
  buildEnd: async ({ outDir }) => {
    await mkdir(join(outDir, 'assets'), { recursive: true });
    for (const [name, code] of inlined) await writeFile(join(outDir, 'assets', name), code);
    await writeFile(join(outDir, 'licences.txt'), await licencesText(holds));
  },
});
