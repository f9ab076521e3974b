// The variables that commands on a machine read, each with what it is for: docs/reference/configuration.md is written from here,
// and a test holds it to what the code reads. What the Worker is given is functions/env.ts.

export interface Variable {
  readonly name: string;
  /** Commands that read it. */
  readonly by: string;
  readonly meaning: string;
  /** What holds where it is not set. */
  readonly fallback: string;
}

export const VARIABLES: readonly Variable[] = [
  {
    name: 'GATEWAY_SECRET',
    by: '`npm run gateway`, `sift-edge deploy`, `doctor`',
    meaning:
      'secret that the gateway shares with the edge, 16 characters or more; never given on the command line. `deploy` takes it in place of making one, `doctor` tries it. `GATEWAY_SECRET_FILE` names a file that holds it',
    fallback: 'none: the gateway does not start, and the first deployment makes one',
  },
  {
    name: 'GATEWAY_SECRET_PREVIOUS',
    by: '`npm run gateway`',
    meaning:
      'the secret before, which is accepted too while edges change over (docs/operate.md); or `GATEWAY_SECRET_PREVIOUS_FILE`',
    fallback: 'none',
  },
  {
    name: 'GATEWAY_ACCESS_ID',
    by: '`npm run deploy`',
    meaning:
      'first part of a service token of Cloudflare Access, which stands before the gateway (docs/gateway-production.md); or `GATEWAY_ACCESS_ID_FILE`',
    fallback: 'what was deployed before',
  },
  {
    name: 'GATEWAY_ACCESS_SECRET',
    by: '`npm run deploy`',
    meaning: 'its second part; or `GATEWAY_ACCESS_SECRET_FILE`',
    fallback: 'what was deployed before',
  },
  {
    name: 'GATEWAY_BACKENDS',
    by: '`npm start`, `npm run gateway`',
    meaning: 'the file of `--backends`: servers on other machines and their models (docs/backends.md)',
    fallback: 'none',
  },
  {
    name: 'GATEWAY_URL',
    by: '`sift-edge doctor`',
    meaning: 'the gateway that it looks at, as `--gateway`',
    fallback: 'the local one',
  },
  {
    name: 'SIFT_DEADLINE',
    by: '`npm start`, `npm run gateway`',
    meaning: 'seconds that a request may take in all, as `--deadline`',
    fallback: '120',
  },
  {
    name: 'SIFT_LOG',
    by: '`npm start`, `npm run gateway`',
    meaning: 'which requests are told of on stderr: off, error, warn, info (also 1), debug (docs/operate.md)',
    fallback: '`error`; of the gateway alone `info`',
  },
  {
    name: 'SIFT_STATE',
    by: '`npm start` and what works with its state',
    meaning: 'directory of what is kept between starts: index, texts, keys, downloads',
    fallback: '`.sift` in the clone',
  },
  {
    name: 'SIFT_SERVER',
    by: '`sift-edge`',
    meaning: 'address of the edge that commands speak to, as `--server`',
    fallback: '`http://127.0.0.1:8787`',
  },
  {
    name: 'SIFT_KEY',
    by: '`sift-edge`',
    meaning: 'key of that edge, as `--key`, which other users of the machine can read',
    fallback: 'none',
  },
  {
    name: 'API_KEY',
    by: '`sift-edge doctor`',
    meaning: 'the entries that the edge is to be given; it looks whether they are long enough, and prints none',
    fallback: 'not looked at',
  },
  {
    name: 'CLOUDFLARE_API_TOKEN',
    by: '`sift-edge deploy`, `destroy`, `doctor`',
    meaning: 'token for Cloudflare; which permissions it needs is in docs/deploy.md',
    fallback: 'the login of `npx wrangler login`',
  },
  {
    name: 'CLOUDFLARE_API_KEY',
    by: '`sift-edge deploy`, `destroy`, `doctor`',
    meaning:
      'the global key of an account, in place of a token, beside `CLOUDFLARE_EMAIL`; a token may do less and is better',
    fallback: 'none',
  },
  {
    name: 'CLOUDFLARE_EMAIL',
    by: '`sift-edge deploy`, `destroy`, `doctor`',
    meaning: 'whose global key `CLOUDFLARE_API_KEY` is',
    fallback: 'none',
  },
  {
    name: 'CLOUDFLARE_ACCOUNT_ID',
    by: '`sift-edge deploy`, `destroy`',
    meaning: 'the account, as `--account`',
    fallback: 'the only one that the login reaches',
  },
  {
    name: 'CLOUDFLARE_API_BASE_URL',
    by: '`sift-edge deploy`, `destroy`, `doctor`',
    meaning: 'another address of its API, for a proxy or a test',
    fallback: '`https://api.cloudflare.com/client/v4`',
  },
  {
    name: 'NO_COLOR',
    by: '`sift-edge`',
    meaning: 'anything in it: no colours',
    fallback: 'colours on a terminal',
  },
];
