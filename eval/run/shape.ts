// The shape of a checkpoint, which says what a pass over a sequence costs (figures/modes.ts).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Shape {
  readonly parameters: number;
  readonly layers: number;
  readonly width: number;
}

/** Of a directory that the engine has read, and so checked. */
export const readShape = (directory: string, parameters: number): Shape => {
  const config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8')) as Record<string, unknown>;
  return { parameters, layers: Number(config.num_hidden_layers), width: Number(config.hidden_size) };
};
