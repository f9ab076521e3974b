// Examples in the context with the shipped model and its own tokenizer: the window is filled to the token, and a text that
// is like its examples needs fewer bits.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../gateway/backends/contract.ts';
import { createEmbeddedBackend } from '../../gateway/backends/embedded/index.ts';
import { readCheckpoint } from '../../gateway/backends/embedded/model/checkpoint.ts';
import { createTokenizer, type Tokenizer } from '../../gateway/backends/embedded/tokenizer/index.ts';
import { score, tune } from '../../gateway/tune.ts';
import { scoreRequest, type TuneEvent, tuneRequest } from '../../wire/tune.ts';

const directory = new URL('../../models/base', import.meta.url).pathname;
const never = new AbortController().signal;
const recipe = (name: string): string =>
  `## ${name}.brew(options)\n\nBrews a pot of ${name} with the given options and returns a \`Promise<Pot>\`.\n`;
