// `node training/notices.mjs`: writes THIRD_PARTY_NOTICES, from the packages that are really in the Worker's bundle, in the
// pages and in the library's bundles, and from training/provenance.tsv. With --check it writes nothing and ends with 1 if the file is not current.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildKernel } from '../assembly/build.ts';
import { LIBRARY_BUILDS } from '../lib/build.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const FILE = join(ROOT, 'THIRD_PARTY_NOTICES');

/** Packages without a licence file of their own: the copyright line of their repository's LICENSE. */
const COPYRIGHTS = {
  'onnxruntime-web': 'Copyright (c) Microsoft Corporation',
  'onnxruntime-common': 'Copyright (c) Microsoft Corporation',
};

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

const COMMON = {
  absWorkingDir: ROOT,
  outdir: 'bundle',
  bundle: true,
  write: false,
  metafile: true,
  format: 'esm',
  logLevel: 'silent',
};

/** Copied as files beside the API's page (site/build.ts). */
const COPIED = ['swagger-ui-dist'];

/** Names of the npm packages that esbuild takes into the Worker, as local/bundle.ts and wrangler call it, and into the playground and the library. */
const bundledPackages = async () => {
  await buildKernel();
  const inputs = async (options) => Object.keys((await build({ ...COMMON, ...options })).metafile.inputs);
  const worker = await inputs({
    entryPoints: [join(ROOT, 'functions/index.ts')],
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:workers', 'node:*'],
    loader: { '.wasm': 'copy', '.onnx': 'copy' },
  });
  const page = await inputs({
    entryPoints: [join(ROOT, 'site/playground/main.tsx')],
    jsx: 'automatic',
    jsxImportSource: 'preact',
  });
  const library = (await Promise.all(LIBRARY_BUILDS.map((options) => inputs({ ...options, outdir: 'bundle' })))).flat();
  const names = [...worker, ...page, ...library].flatMap((path) => {
    const [, inside] = path.split(/(?:^|\/)node_modules\//);
    return inside === undefined ? [] : [inside.split('/', inside.startsWith('@') ? 2 : 1).join('/')];
  });
  return [...new Set([...names, ...COPIED])].sort();
};

const noticeOf = (name) => {
  const directory = join(ROOT, 'node_modules', name);
  const { version, license, repository, homepage } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const url = (repository?.url ?? repository ?? homepage).replace(/^git\+(ssh:\/\/git@)?/, '').replace(/^git@github\.com:/, 'https://github.com/').replace(/^github/, 'https://github');
  const file = readdirSync(directory).find((entry) => /^licen[sc]e/i.test(entry));
  if (file === undefined && (license !== 'MIT' || COPYRIGHTS[name] === undefined)) {
    throw new Error(`${name} ${version} (${license}) has no licence file, and its copyright is not known here`);
  }
  const text = file === undefined ? `${COPYRIGHTS[name]}\n\n${MIT}` : readFileSync(join(directory, file), 'utf8');
  // Apache's licence wants it kept
  const notice = readdirSync(directory).find((entry) => /^notice/i.test(entry));
  const kept = notice === undefined ? '' : `\n${readFileSync(join(directory, notice), 'utf8').trim()}\n`;
  return `### ${name} ${version}\n${license}, ${url}\n\n${text.trim()}\n${kept}`;
};

/** How many packages and bytes of training and validation text there are under each licence. */
const trainingSummary = () => {
  const [, ...lines] = readFileSync(join(ROOT, 'training/provenance.tsv'), 'utf8').trim().split('\n');
  const byLicence = new Map();
  for (const line of lines) {
    const [client, name, , licence, , split, , bytes] = line.split('\t');
    if (split === 'heldout') continue;
    const entry = byLicence.get(licence) ?? { packages: new Set(), bytes: 0 };
    entry.packages.add(`${client} ${name}`);
    entry.bytes += Number(bytes);
    byLicence.set(licence, entry);
  }
  const rows = Array.from(byLicence, ([licence, { packages, bytes }]) => ({ licence, packages: packages.size, bytes }));
  rows.sort((a, b) => b.packages - a.packages || (a.licence < b.licence ? -1 : 1));
  const cell = (row) => [row.licence.padEnd(28), String(row.packages).padStart(8), (row.bytes / 1e6).toFixed(1).padStart(8)];
  return [
    [`${'licence'.padEnd(28)}`, 'packages'.padStart(8), 'MB'.padStart(8)].join('  '),
    ...rows.map((row) => cell(row).join('  ')),
  ].join('\n');
};

const packages = await bundledPackages();
const notices = `# Third-party notices

Sift Edge itself is under the MIT licence (LICENSE). This file is written by \`node training/notices.mjs\`.

## Text that the bundled models were trained on

\`models/base\` and \`models/embedder\` were trained from nothing on documentation and source code of packages of Debian, npm
and PyPI under permissive licences or in the public domain. The text itself is not part of this repository.
\`training/provenance.tsv\` lists every package with its version and licence; \`training/sources.tsv\` is the list that was
asked for, and \`training/licences.py\` compares it with what the packages declare. Training and validation, by licence:

\`\`\`
${trainingSummary()}
\`\`\`

## Packages in the Worker's bundle, its pages, and the library

A deployed Worker, the pages that it serves (the package on npm brings them built), or the bundles of \`sift-edge/client\`,
\`/kernel\` and \`/pool\` contain the following packages, their code or their WebAssembly. Whatever else npm installs stays under
\`node_modules\` with its own licence files.

${packages.map(noticeOf).join('\n')}
What swagger-ui-bundle.js contains is in swagger-ui-bundle.js.LICENSE.txt beside it.

The WebAssembly of onnxruntime-web contains further components; their notices are in
https://github.com/microsoft/onnxruntime/blob/v${JSON.parse(readFileSync(join(ROOT, 'node_modules/onnxruntime-web/package.json'), 'utf8')).version}/ThirdPartyNotices.txt
`;

if (process.argv.includes('--check')) {
  if (!existsSync(FILE) || readFileSync(FILE, 'utf8') !== notices) {
    console.error('THIRD_PARTY_NOTICES is not current: run node training/notices.mjs');
    process.exitCode = 1;
  }
} else {
  writeFileSync(FILE, notices);
  console.log(`THIRD_PARTY_NOTICES: ${packages.join(', ')}`);
}
