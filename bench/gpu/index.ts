// `npm run bench -- gpu [--shape 0.5b|1.5b|7b|30m|tiny]… [--model DIR] [--device cuda|cpu] [--quick] [--json]
// [--peak-tflops N] [--threads N] [--way graphs|compile|"compile, graphs"]…`: measure.py measures the GPU server
// (gateway/gpu) on a CUDA machine or a CPU, with random weights of the shape where no model is named; here its figures
// become a table. SIFT_PYTHON names a Python that has the packages of test/requirements.txt.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const report = z.object({
  machine: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
  time: z.string(),
  peak_tflops: z.number().nullable(),
  results: z.array(
    z.object({
      shape: z.string(),
      weights: z.string(),
      seconds: z.number(),
      processor_seconds: z.number(),
      figures: z.array(
        z.object({
          name: z.string(),
          value: z.number().nullable(),
          unit: z.string(),
          target: z.string(),
          met: z.boolean().nullable(),
          why: z.string(),
        }),
      ),
    }),
  ),
});

type Report = z.infer<typeof report>;

const number = (value: number): string => {
  if (value === 0) return '0';
  if (Math.abs(value) < 1e-3) return value.toExponential(1);
  return value.toLocaleString('en', { maximumSignificantDigits: 3 });
};

const table = ({ machine, time, peak_tflops, results }: Report): string => {
  const known = Object.entries({ ...machine, peak_tflops }).filter(([, value]) => value !== null);
  const lines = [`${known.map(([name, value]) => `${name} ${value}`).join(', ')}; time by ${time}`];
  for (const { shape, weights, seconds, processor_seconds, figures } of results) {
    lines.push(
      '',
      `${shape} (weights: ${weights}; measured in ${seconds} s, ${processor_seconds} s of processor time)`,
      '',
    );
    lines.push('| figure | value | target | reached |', '|---|---|---|---|');
    for (const { name, value, unit, target, met, why } of figures) {
      const shown = value === null ? why : `${number(value)} ${unit}`;
      lines.push(`| ${name} | ${shown} | ${target} | ${met === null ? '' : met ? 'yes' : 'no'} |`);
    }
  }
  return lines.join('\n');
};

export const run = async (args: readonly string[]): Promise<void> => {
  const script = fileURLToPath(new URL('measure.py', import.meta.url));
  const own = args.filter((arg) => arg !== '--json');
  const child = spawn(process.env.SIFT_PYTHON ?? 'python3', [script, ...own], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  const [code] = await once(child, 'close');
  process.exitCode = code === 0 ? 0 : 1;
  if (output === '') {
    console.error('nothing was measured; SIFT_PYTHON may name a Python with the packages of test/requirements.txt');
    return;
  }
  console.log(args.includes('--json') ? output.trimEnd() : table(report.parse(JSON.parse(output))));
};
