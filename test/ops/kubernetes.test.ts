// The manifests: selectors find pods, Services find ports, probes find routes, volumes find what they mount, policies let in only
// whom they say. Against Kubernetes' own schemas where kubeconform or kubernetes-validate is installed.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseBackends } from '../../gateway/backends/file.ts';
import { TUNE_DEADLINE_MS } from '../../wire/limits.ts';
import { ROOT, read } from './dockerfile.ts';
import { FLAGS, flagsIn, keyVariables, ROUTES, secondsOf, VARIABLES } from './surface.ts';

const FOLDER = 'deploy/kubernetes';
type Labels = Readonly<Record<string, string>>;
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly resources: { readonly limits: Labels; readonly requests: Labels };
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}
interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: { readonly runAsNonRoot: boolean; readonly runAsUser: number };
  readonly containers: readonly Container[];
  readonly volumes: readonly {
    readonly name: string;
    readonly secret?: { readonly secretName: string };
    readonly configMap?: { readonly name: string };
    readonly persistentVolumeClaim?: { readonly claimName: string };
  }[];
}
interface Peer {
  readonly podSelector?: { readonly matchLabels: Labels };
  readonly namespaceSelector?: { readonly matchLabels: Labels };
}
interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Labels;
  readonly stringData?: Labels;
  readonly spec: {
    readonly replicas: number;
    readonly clusterIP?: string;
    readonly serviceName?: string;
    readonly selector: Labels & { readonly matchLabels: Labels };
    readonly template: {
      readonly metadata: { readonly labels: Labels; readonly annotations?: Labels };
      readonly spec: Pod;
    };
    readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
    readonly podSelector: { readonly matchLabels?: Labels };
    readonly minAvailable: number;
    readonly ingress?: readonly {
      readonly from: readonly Peer[];
      readonly ports: readonly { readonly port: number }[];
    }[];
  };
}
const files = readdirSync(join(ROOT, FOLDER)).filter((name) => name !== 'kustomization.yaml');
const resources: readonly Resource[] = files.flatMap((name) =>
  parseAllDocuments(read(`${FOLDER}/${name}`)).map((document) => document.toJS()),
);
const of = (kind: string, name: string): Resource => {
  const found = resources.filter((resource) => resource.kind === kind && resource.metadata.name === name);
  if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} × ${kind} ${name}`);
  return found[0];
};
const workloads = resources.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');
const podsWith = (labels: Labels): Resource[] =>
  workloads.filter(({ spec: { template } }) =>
    Object.entries(labels).every(([name, value]) => template.metadata.labels[name] === value),
  );
const containerOf = ({ spec }: Resource): Container => {
  const [container, ...more] = spec.template.spec.containers;
  if (container === undefined || more.length > 0) throw new Error('not one container');
  return container;
};
const OWN = ['gateway', 'gpu'] as const;
const workload = (name: string): Resource => {
  const found = workloads.find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};

describe('the manifests', () => {
  it('are all named by the kustomization but the example of the secrets, and lie in one namespace', () => {
    const { resources: named } = parse(read(`${FOLDER}/kustomization.yaml`));
    expect([...named, 'secrets.example.yaml'].sort()).toEqual([...files].sort());
    for (const { kind, metadata } of resources) if (kind !== 'Namespace') expect(metadata.namespace).toBe('sift');
    expect(of('Namespace', 'sift')).toBeDefined();
  });

  it('selectors find the pods they mean', () => {
    for (const { metadata, spec } of workloads)
      expect(podsWith(spec.selector.matchLabels).map((pod) => pod.metadata.name)).toEqual([metadata.name]);
    for (const { kind, metadata, spec } of resources) {
      if (kind === 'Service') expect(podsWith(spec.selector).map((pod) => pod.metadata.name)).toEqual([metadata.name]);
      if (kind === 'PodDisruptionBudget') expect(podsWith(spec.selector.matchLabels).length).toBe(1);
      const { matchLabels } = kind === 'NetworkPolicy' ? spec.podSelector : {};
      if (matchLabels !== undefined)
        expect(podsWith(matchLabels).map((pod) => pod.metadata.name)).toEqual([metadata.name]);
    }
  });

  it('Services name ports of their containers, which are those of the images', () => {
    for (const { kind, spec } of resources) {
      if (kind !== 'Service') continue;
      const [pod] = podsWith(spec.selector);
      for (const { port, targetPort } of spec.ports) {
        const found = pod === undefined ? undefined : containerOf(pod).ports.find(({ name }) => name === targetPort);
        expect(found?.containerPort).toBe(port);
      }
    }
    for (const name of OWN) {
      const exposed = Number(/^EXPOSE (\d+)$/m.exec(read(`deploy/${name}/Dockerfile`))?.[1]);
      expect(containerOf(workload(name)).ports.map(({ containerPort }) => containerPort)).toEqual([exposed]);
    }
  });

  it.each(OWN)('probes of %s ask routes that answer without signature or key', (name) => {
    const container = containerOf(workload(name));
    for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
      expect([...ROUTES[name]]).toContain(probe?.httpGet.path);
      expect(probe?.httpGet.path).not.toMatch(/^\/(v1|api|metrics)/);
      expect(container.ports.map((port) => port.name)).toContain(probe?.httpGet.port);
    }
  });

  it.each(OWN)('image, user, flags and variables of %s are those of its Dockerfile and its program', (name) => {
    const { metadata, spec } = workload(name);
    const container = containerOf(workload(name));
    const dockerfile = read(`deploy/${name}/Dockerfile`);
    const title = /image\.title="([^"]+)"/.exec(dockerfile)?.[1];
    const version = /^ARG VERSION=(.+)$/m.exec(dockerfile)?.[1];
    expect(container.image).toBe(`${title}:${version}`);
    const { images } = parse(read(`${FOLDER}/kustomization.yaml`));
    expect(images.map((image: { name: string }) => image.name)).toContain(title);
    expect(Number(/^USER (\d+):/m.exec(dockerfile)?.[1])).toBe(spec.template.spec.securityContext.runAsUser);
    for (const flag of flagsIn(container.args)) expect([...FLAGS[name]], metadata.name).toContain(flag);
    const keys = keyVariables(of('ConfigMap', 'sift-backends').data?.['backends.json'] ?? '');
    const known = new Set([...VARIABLES[name], ...keys.map((key) => `${key}_FILE`)]);
    for (const variable of container.env) expect([...known]).toContain(variable.name);
  });

  it('volumes and variables name secrets, configuration and claims that are there', () => {
    for (const pod of workloads) {
      const container = containerOf(pod);
      const { volumes } = pod.spec.template.spec;
      expect(container.volumeMounts.map(({ name }) => name).sort()).toEqual(volumes.map(({ name }) => name).sort());
      for (const { secret, configMap, persistentVolumeClaim: claim } of volumes) {
        if (secret !== undefined) of('Secret', secret.secretName);
        if (configMap !== undefined) of('ConfigMap', configMap.name);
        if (claim !== undefined) of('PersistentVolumeClaim', claim.claimName);
      }
      for (const { name, value } of container.env.filter((variable) => variable.name.endsWith('_FILE'))) {
        const mount = container.volumeMounts.find(({ mountPath }) => value.startsWith(`${mountPath}/`));
        const secretName = volumes.find((volume) => volume.name === mount?.name)?.secret?.secretName ?? '';
        const key = value.slice((mount?.mountPath.length ?? 0) + 1);
        expect([name, Object.keys(of('Secret', secretName).stringData ?? {})]).toEqual([name, [key]]);
      }
    }
  });

  it('no container is root, writes to its image, or may become more', () => {
    for (const pod of workloads) {
      const { securityContext, automountServiceAccountToken } = pod.spec.template.spec;
      expect([securityContext.runAsNonRoot, automountServiceAccountToken]).toEqual([true, false]);
      expect(containerOf(pod).securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(containerOf(pod).resources.limits.memory).toBeDefined();
    }
  });

  it('a pod is given longer to end than it drains, and drains longer than a request lasts', () => {
    for (const [name, flag, before] of [
      ['gateway', '--drain', 5],
      ['gpu', '--drain-seconds', 0],
    ] as const) {
      const drain = secondsOf(containerOf(workload(name)).args, flag);
      expect(drain).toBeGreaterThan(TUNE_DEADLINE_MS / 1000);
      expect(workload(name).spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(
        before + drain + 15,
      );
    }
  });

  it('two gateways or more, one of which stays; servers with a name each, which the gateway knows', () => {
    expect(workload('gateway').spec.replicas).toBeGreaterThanOrEqual(2);
    expect(of('PodDisruptionBudget', 'gateway').spec.minAvailable).toBe(1);
    const { serviceName, replicas } = workload('gpu').spec;
    expect(of('Service', serviceName ?? '').spec.clusterIP).toBe('None');
    expect(containerOf(workload('gpu')).resources.limits['nvidia.com/gpu']).toBe('1');
    const { gpu } = parseBackends(of('ConfigMap', 'sift-backends').data?.['backends.json'] ?? '', 'sift-backends');
    expect(gpu?.servers.map(({ url }) => url.host)).toEqual(
      Array.from({ length: replicas }, (_, i) => `gpu-${i}.${serviceName}:8123`),
    );
  });

  it('only the gateway and Prometheus reach the GPU servers, which reach nobody; what is not named is denied', () => {
    expect(of('NetworkPolicy', 'deny-all').spec.podSelector).toEqual({});
    const { ingress, egress } = of('NetworkPolicy', 'gpu').spec as Resource['spec'] & { egress: unknown };
    expect(egress).toEqual([]);
    expect(
      ingress?.flatMap(({ from }) =>
        from.map((peer) => Object.values((peer.podSelector ?? peer.namespaceSelector)?.matchLabels ?? {})[0]),
      ),
    ).toEqual(['gateway', 'monitoring']);
    for (const { kind, spec, metadata } of resources) {
      if (kind !== 'NetworkPolicy') continue;
      for (const { from, ports } of spec.ingress ?? []) {
        for (const { podSelector } of from)
          if (podSelector !== undefined) expect(podsWith(podSelector.matchLabels).length, metadata.name).toBe(1);
        const [pod] = podsWith(spec.podSelector.matchLabels ?? {});
        const open = pod === undefined ? [] : containerOf(pod).ports.map(({ containerPort }) => containerPort);
        for (const { port } of ports) expect(open).toContain(port);
      }
    }
    // nothing has a port of a node or a balancer
    expect(JSON.stringify(resources)).not.toMatch(/NodePort|LoadBalancer|hostPort|hostNetwork|"Ingress",?"metadata/);
  });

  it('fit Kubernetes’ schemas, where something that has them is installed', ({ skip }) => {
    const paths = files.map((name) => join(ROOT, FOLDER, name));
    const kubeconform = spawnSync('kubeconform', ['-strict', '-summary', ...paths], { encoding: 'utf8' });
    if (kubeconform.error === undefined)
      return expect([kubeconform.status, kubeconform.stdout]).toEqual([0, expect.anything()]);
    const results = paths.map((path) => spawnSync('kubernetes-validate', ['--strict', path], { encoding: 'utf8' }));
    if (results[0]?.error !== undefined) {
      process.stderr.write(
        'skipped: schemas of Kubernetes (neither kubeconform nor kubernetes-validate is installed)\n',
      );
      return skip();
    }
    for (const { status, stdout, stderr } of results)
      expect([status, status === 0 ? '' : stdout + stderr]).toEqual([0, '']);
  });
});
