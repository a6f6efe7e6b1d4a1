import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { at, parseDocuments, podSpec } from '../../manifests/commands/yaml/bundle.ts';
import { admission, kustomize } from './needs.ts';
import { installation, overlays } from './overlays.ts';

type Pod = { metadata: { name: string; labels?: Record<string, string> }; spec: unknown };

describe.skipIf('missing' in admission || 'missing' in kustomize)(
  'the admission policy of the namespace',
  () => {
    const file = path.resolve(import.meta.dirname, '../../manifests/base/pod-security.yaml');
    const [policy] = parseDocuments(readFileSync(file, 'utf8'));

    function verdicts(pods: Pod[]): string[][] {
      if (!('path' in admission)) return [];
      const input = JSON.stringify({ policy: policy?.['spec'], pods });
      return JSON.parse(execFileSync(admission.path, { input, encoding: 'utf8' })) as string[][];
    }
    const container = {
      name: 'a',
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    };
    const safe = {
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [container],
    };
    const pod = (spec: object, labels?: Record<string, string>): Pod => ({
      metadata: { name: 'one', ...(labels ? { labels } : {}) },
      spec,
    });

    test('lets in every pod of ours', () => {
      const pods = overlays.flatMap(installation).flatMap((document): Pod[] => {
        const spec = podSpec(document);
        const labels = at(document, 'spec', 'template', 'metadata', 'labels') as Record<string, string>;
        return spec === undefined ? [] : [{ metadata: { name: document.metadata.name, labels }, spec }];
      });
      expect(pods.length).toBeGreaterThan(8);
      expect(verdicts(pods)).toEqual(pods.map(() => []));
    });

    test.each([
      ['no security context', { containers: [{ name: 'a' }] }, 4],
      [
        'a capability',
        {
          ...safe,
          containers: [
            {
              ...container,
              securityContext: {
                ...container.securityContext,
                capabilities: { drop: ['ALL'], add: ['SYS_ADMIN'] },
              },
            },
          ],
        },
        1,
      ],
      ['an init container without', { ...safe, initContainers: [{ name: 'b' }] }, 2],
      ['user 0', { ...safe, securityContext: { ...safe.securityContext, runAsUser: 0 } }, 1],
      ['a folder of the host', { ...safe, volumes: [{ name: 'v', hostPath: { path: '/' } }] }, 1],
    ])('refuses %s', (_, spec, faults) => {
      expect(verdicts([pod(spec, {})])[0]).toHaveLength(faults);
      expect(verdicts([pod(spec)])[0]).toHaveLength(faults);
    });

    test("lets in eventing-rabbitmq's pods, which lack a seccompProfile", () => {
      const spec = { containers: [container] };
      expect(verdicts([pod(spec, { 'eventing.knative.dev/brokerRole': 'dispatcher' })])).toEqual([[]]);
      expect(verdicts([pod(spec, { app: 'other' })])[0]).toHaveLength(2);
    });
  },
);
