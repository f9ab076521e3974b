// Dashboard, alerts and documentation name only metrics and labels that gateway and GPU server really have, and every
// metric is explained. The gateway is started; the GPU server's metrics are read from its source, and compared with what Python
// registers where that is there.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createGateway } from '../../gateway/app.ts';
import { registryOf } from '../../gateway/backends/registry.ts';
import { type RunningGateway, serveGateway } from '../../gateway/serve.ts';
import { fakeBackend } from '../gateway/fake-backend.ts';
import { python } from '../python.ts';
import { ROOT, read } from './dockerfile.ts';

/** Label names by metric, as it is called in an expression without _bucket, _sum and _count. */
type Known = ReadonlyMap<string, readonly string[]>;

const SECRET = 'a secret of some length';
const HISTOGRAM = /_(?:bucket|sum|count)$/;

/** Metrics of the GPU server as its source says, with the endings that its library gives them. */
const gpuMetrics = (source: string): Map<string, readonly string[]> => {
  const found = new Map<string, readonly string[]>();
  for (const [, kind, name = '', rest = ''] of source.matchAll(
    /(Counter|Histogram)\(\s*"(sift_gpu_\w+)",\s*"[^"]*"(?:,\s*\[([^\]]*)\])?/g,
  )) {
    found.set(
      kind === 'Counter' ? `${name}_total` : name,
      [...rest.matchAll(/"(\w+)"/g)].map(([, label = '']) => label),
    );
  }
  const gauges = /self\.gauges = \{([\s\S]*?)\n {8}\}/.exec(source)?.[1] ?? '';
  for (const [, name] of gauges.matchAll(/\("(\w+)",/g)) found.set(`sift_gpu_${name}`, []);
  return found;
};

let gateway: RunningGateway;
let text: string;
const known = new Map<string, readonly string[]>();
const histograms = new Set<string>(['sift_gpu_pass_seconds']);
beforeAll(async () => {
  const registry = registryOf(fakeBackend());
  gateway = await serveGateway({ registry, secret: SECRET, port: 0 });
  text = await (await fetch(`${gateway.url}/metrics`)).text();
  const registered = createGateway({ registry, secret: SECRET }).metrics.registry.getMetricsAsArray();
  const labels = new Map(
    registered.map((metric) => [metric.name, (metric as unknown as { labelNames: readonly string[] }).labelNames]),
  );
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    known.set(name, labels.get(name) ?? []);
    if (type === 'histogram') histograms.add(name);
  }
  for (const [name, names] of gpuMetrics(read('gateway/gpu/sift_gpu/metrics.py'))) known.set(name, names);
});
afterAll(() => gateway.close(0));

/** Labels that Prometheus adds to everything it reads. */
const ADDED = ['job', 'instance', 'le'];

/** What is wrong with an expression, a sentence each. */
const problems = (expression: string, metrics: Known = known): string[] => {
  const found: string[] = [];
  const usable = new Set(ADDED);
  for (const [, name = '', , matchers = ''] of expression.matchAll(/\b(sift_\w+)(\{([^}]*)\})?/g)) {
    const base = metrics.has(name) ? name : name.replace(HISTOGRAM, '');
    const labels = metrics.get(base);
    if (labels === undefined || (base !== name && !histograms.has(base)) || (base === name && histograms.has(base))) {
      found.push(`no metric ${name}`);
      continue;
    }
    for (const label of labels) usable.add(label);
    for (const [, label = ''] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)) {
      if (!labels.includes(label) && !ADDED.includes(label)) found.push(`${name} has no label ${label}`);
    }
  }
  for (const [, list = ''] of expression.matchAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g)) {
    for (const label of list
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== '')) {
      if (!usable.has(label)) found.push(`by ${label}: no metric here has it`);
    }
  }
  if (!/sift_|up\{/.test(expression)) found.push('names no metric');
  return found;
};

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}
const rules: readonly Rule[] = parse(read('deploy/prometheus/alerts.yaml')).groups.flatMap(
  ({ rules: of }: { rules: Rule[] }) => of,
);

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
}
const dashboard = JSON.parse(read('deploy/grafana/dashboards/sift.json'));
const panels: readonly Panel[] = dashboard.panels;

describe('an expression', () => {
  it.each([
    ['sum(rate(sift_gateway_no_such_total[5m]))', 'no metric sift_gateway_no_such_total'],
    ['sift_gateway_queue_waiting{tenant="a"}', 'sift_gateway_queue_waiting has no label tenant'],
    ['sum by (stage) (sift_gateway_running)', 'by stage: no metric here has it'],
    ['rate(sift_gateway_stage_seconds[5m])', 'no metric sift_gateway_stage_seconds'],
    ['sift_gateway_running_bucket', 'no metric sift_gateway_running_bucket'],
    ['rate(sift_gpu_steps[5m])', 'no metric sift_gpu_steps'],
  ])('%s is found wrong', (expression, sentence) => {
    expect(problems(expression)).toContain(sentence);
  });
});

describe('the alerts', () => {
  it.each(rules.map(({ alert, expr }) => [alert, expr] as const))('%s asks for what is there', (_, expr) => {
    expect(problems(expr)).toEqual([]);
  });

  it('name outcomes and kinds that the code has', () => {
    const all =
      rules.map(({ expr }) => expr).join('\n') +
      panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join('\n');
    const values = new Set([...all.matchAll(/(?:outcome|kind|stage)="(\w+)"/g)].map(([, value]) => value));
    const code = [
      'gateway/metrics.ts',
      'gateway/timed.ts',
      'gateway/tune.ts',
      'gateway/steps.ts',
      'gateway/routes/work.ts',
      'wire/tune/responses.ts',
      'wire/tune/steps.ts',
      'gateway/gpu/sift_gpu/engine.py',
    ]
      .map(read)
      .join('\n');
    expect(values.size).toBeGreaterThan(5);
    for (const value of values) expect(code, String(value)).toMatch(new RegExp(`['"\`]${value}['"\`]|\\b${value}:`));
  });

  it('each has a severity and a place in the runbook', () => {
    const headings = new Set(
      [...read('docs/operate.md').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
        heading
          .toLowerCase()
          .replace(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      ),
    );
    for (const { alert, labels, annotations } of rules) {
      expect(['page', 'ticket'], alert).toContain(labels.severity);
      const [file, anchor = ''] = annotations.runbook.split('#');
      expect([alert, file, headings.has(anchor)]).toEqual([alert, 'docs/operate.md', true]);
    }
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  it('are each explained in docs/operate.md', () => {
    const page = read('docs/operate.md');
    expect(rules.filter(({ alert }) => !page.includes(`\`${alert}\``)).map(({ alert }) => alert)).toEqual([]);
    const named = new Set([...page.matchAll(/`(Sift[A-Z]\w+)`/g)].map(([, alert]) => alert));
    expect([...named].filter((alert) => !rules.some((rule) => rule.alert === alert))).toEqual([]);
  });
});

describe('the dashboard', () => {
  const drawn = panels.filter(({ type }) => type !== 'row');
  it.each(drawn.map(({ title, targets = [] }) => [title, targets] as const))(
    '“%s” asks for what is there',
    (_, targets) => {
      expect(targets.length).toBeGreaterThan(0);
      for (const { expr, legendFormat } of targets) {
        expect(problems(expr)).toEqual([]);
        // a legend shows only labels that the sum leaves
        const kept = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(/,\s*/);
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(kept ?? ADDED).toContain(label);
      }
    },
  );

  it('has each panel once, none on another, all from the data source that is provisioned', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = drawn.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    const { uid } = parse(read('deploy/grafana/provisioning/datasources/prometheus.yaml')).datasources[0];
    const used = new Set(
      [...JSON.stringify(dashboard).matchAll(/"type":"prometheus","uid":"([^"]+)"/g)].map(([, id]) => id),
    );
    expect([...used]).toEqual([uid]);
  });

  it('lists backends from a metric that has them', () => {
    const [{ query }] = dashboard.templating.list;
    const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? [];
    expect(known.get(metric)).toContain(label);
  });
});

describe('the documentation', () => {
  const pages = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
  it.each(pages)('docs/%s names only metrics that are there', (name) => {
    const named = new Set(
      [...read(`docs/${name}`).matchAll(/\bsift_(?:gateway|gpu)_\w*[a-z]\b/g)].map(([metric]) => metric),
    );
    expect([...named].filter((metric) => !known.has(metric) && !known.has(metric.replace(HISTOGRAM, '')))).toEqual([]);
  });

  it('docs/operate.md explains every metric', () => {
    const page = read('docs/operate.md');
    expect(known.size).toBeGreaterThan(30);
    expect([...known.keys()].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});

it('failures are counted from 0, so that Prometheus sees the first one', () => {
  const [, list = ''] = /^FAILURES = \(([^)]*)\)$/m.exec(read('gateway/gpu/sift_gpu/metrics.py')) ?? [];
  const engine = read('gateway/gpu/sift_gpu/engine.py');
  const counted = [...engine.matchAll(/failures\.labels\("(\w+)"\)/g)].map(([, kind]) => kind);
  const alerted = rules.flatMap(({ expr }) =>
    [...expr.matchAll(/sift_gpu_failures_total\{kind="(\w+)"/g)].map(([, kind]) => kind),
  );
  const begun = [...list.matchAll(/"(\w+)"/g)].map(([, kind]) => kind).sort();
  expect(begun.length).toBeGreaterThan(0);
  expect([...new Set(counted)].sort()).toEqual(begun);
  expect([...new Set(alerted)].sort()).toEqual(begun);
});

it('the GPU server registers what its source was read as', ({ skip }) => {
  const interpreter = python('metrics of the GPU server', ['prometheus_client']);
  if (interpreter === undefined) return skip();
  const script = `import sys, json
sys.path.insert(0, "gateway/gpu")
sys.dont_write_bytecode = True
from sift_gpu.metrics import METRICS
def name(m): return m._name + ("_total" if m._type == "counter" else "")
print(json.dumps({name(m): list(m._labelnames) for m in METRICS.registry._collector_to_names}))`;
  const { stdout, stderr } = spawnSync(interpreter, ['-c', script], { cwd: ROOT, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual(Object.fromEntries(gpuMetrics(read('gateway/gpu/sift_gpu/metrics.py'))));
});
