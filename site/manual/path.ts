// The order in which docs/ is read: what the pages show at their side. docs/index.md tells the same in words.

export interface Page {
  readonly text: string;
  /** The file below docs/, without `.md`. */
  readonly link: string;
}
export interface Part {
  readonly text: string;
  readonly items: readonly Page[];
}

const page = (link: string, text: string): Page => ({ link: `/${link}`, text });

export const sidebar: readonly Part[] = [
  {
    text: 'Begin',
    items: [
      page('', 'What it is'),
      page('start', 'Five minutes'),
      page('own-text', 'Your own text'),
      page('models', 'Your own models'),
    ],
  },
  {
    text: 'In your application',
    items: [
      page('clients', 'OpenAI SDK, AI SDK, LangChain, curl'),
      page('client', 'The typed client'),
      page('package', 'As a package'),
      page('chat', 'Conversations'),
      page('keys', 'Keys and rates'),
    ],
  },
  {
    text: 'Tools',
    items: [page('playground', 'Playground'), page('cli', 'Command line'), page('ingest', 'Bringing text in')],
  },
  {
    text: 'Deploy and operate',
    items: [
      page('deploy', 'Deploying the edge'),
      page('gateway-production', 'The gateway in production'),
      page('backends', 'GPU servers'),
      page('global', 'Several regions'),
      page('operate', 'Operating'),
    ],
  },
  {
    text: 'How it works',
    items: [
      page('how-it-works', 'SIFT, by hand'),
      page('design/architecture', 'Architecture'),
      page('design/kernel', 'The kernel'),
      page('design/engine', 'The CPU engine'),
      page('design/guard', 'The guard'),
      page('design/scale', 'From one GPU to a fleet'),
    ],
  },
  {
    text: 'Reference',
    items: [
      page('reference/api', 'HTTP API'),
      page('reference/limits', 'Limits'),
      page('reference/errors', 'Errors'),
      page('reference/configuration', 'Configuration'),
      page('reference/storage', 'What is stored'),
      page('reference/vectorize-local', 'The local Vectorize'),
      page('glossary', 'Glossary'),
    ],
  },
  {
    text: 'Study',
    items: [
      page('study/results', 'Does it pay?'),
      page('study/context', 'Tune, or put into the context'),
      page('study/stopping', 'When to stop'),
      page('study/experts', 'Experts trained ahead'),
    ],
  },
];

/** All of them, in order. */
export const pages: readonly Page[] = sidebar.flatMap(({ items }) => items);
