// How a model is tuned when it is served, for runs that show what a user would get: what the command line gives, else the
// model's sift.json, else what `npm start` measured of it, else the rule by size. Nothing is measured here.
import { settleTuning } from '../../cli/settle.ts';
import { STATE } from '../../cli/workplace.ts';
import { readDefaults } from '../../gateway/backends/defaults.ts';
import { readArchitecture } from '../../gateway/backends/embedded/model/checkpoint.ts';
import { parameterShapes } from '../../gateway/backends/embedded/model/parameters.ts';
import type { GivenDefaults } from '../../gateway/given.ts';
import { messageOf } from '../../wire/message.ts';
import { UsageError } from '../../wire/usage.ts';
import { full } from './arms.ts';
import type { Tuning } from './trajectory.ts';

const defaultsOf = async (directory: string) => {
  try {
    const shapes = parameterShapes(await readArchitecture(directory));
    const parameters = Array.from(shapes.values(), (shape) => shape.reduce((all, size) => all * size, 1));
    return await readDefaults(
      directory,
      parameters.reduce((all, size) => all + size, 0),
    );
  } catch (error) {
    throw new UsageError(`--model ${directory}: ${messageOf(error)}`);
  }
};

/** Says on stderr what it is. */
export const tuningAsServed = async (directory: string, given: GivenDefaults, state = STATE): Promise<Tuning> => {
  const never = (): Promise<never> => Promise.reject(new Error('nothing is measured here'));
  const note = (line: string): unknown => process.stderr.write(`${line}\n`);
  const question = { directory, given, probe: false, state };
  const { method, rank, learningRate } = await settleTuning(question, await defaultsOf(directory), never, note);
  const rate = learningRate[method];
  return method === 'full' ? full(rate) : { method, rank, learningRate: rate, reuse: false };
};
