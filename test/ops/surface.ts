// What gateway and GPU server take from outside: flags, variables and routes, read from their sources, so that a manifest which
// names one that is not there is found.
import { deploy } from '../../cli/commands/deploy.ts';
import { read } from './dockerfile.ts';

const all = (text: string, pattern: RegExp): Set<string> =>
  new Set([...text.matchAll(pattern)].map(([, found = '']) => found));

const gatewayHelp = read('cli/gateway.ts').split('const HELP')[1]?.split('`;')[0] ?? '';
const gpuCommand = read('gateway/gpu/sift_gpu/__main__.py');

export const FLAGS = {
  gateway: all(gatewayHelp, /(--[a-z][a-z-]*)/g),
  gpu: all(gpuCommand, /add_argument\("(--[a-z-]+)"/g),
  deploy: all((deploy.flags ?? []).map(({ flags }) => flags).join(' '), /(--[a-z-]+)/g),
};

const gatewaySecrets = [...all(read('cli/gateway.ts'), /sharedSecret\('(\w+)'\)/g)];
export const VARIABLES = {
  gateway: new Set([
    ...gatewaySecrets.flatMap((name) => [name, `${name}_FILE`]),
    ...all(read('cli/gateway.ts') + read('cli/tuning-flags.ts'), /process\.env\.([A-Z_]+)/g),
  ]),
  gpu: all(read('gateway/gpu/sift_gpu/keys.py'), /env\.get\("(\w+)"/g),
};

const gpuApp = read('gateway/gpu/sift_gpu/app.py');
export const ROUTES = {
  gateway: all(read('gateway/app.ts'), /app\.get\('([^']+)'/g),
  gpu: new Set([...all(gpuApp, /route\(server, "(\/\w+)"/g), ...all(gpuApp, /for path in \("(\/\w+)"/g)]),
};

/** The seconds that a flag's value gives, in a list of words. */
export const secondsOf = (words: readonly string[], flag: string): number => Number(words[words.indexOf(flag) + 1]);

/** The words that start with two dashes. */
export const flagsIn = (words: readonly string[]): string[] => words.filter((word) => word.startsWith('--'));

/** Variables that name the key of a server in a file of backends. */
export const keyVariables = (backends: string): string[] =>
  [...backends.matchAll(/"keyEnv": ?"(\w+)"/g)].map(([, name = '']) => name);
