import { afterEach, describe, expect, test } from 'vitest';
import { readDeclared } from '../../../../eventing/local/manifests/declared.ts';
import { ManifestError } from '../../../../eventing/local/manifests/manifest.ts';
import { createProject, funcYaml } from '../world.ts';
import type { Project } from '../world.ts';

const projects: Project[] = [];
afterEach(async () => {
  for (const project of projects.splice(0)) await project.remove();
});

async function faultsOf(files: Record<string, string | object>): Promise<string[]> {
  const project = await createProject({});
  projects.push(project);
  for (const [file, content] of Object.entries(files)) project.write(file, content);
  try {
    readDeclared(project.root);
    return [];
  } catch (error) {
    if (error instanceof ManifestError) return error.message.split('\n');
    throw error;
  }
}

const head = `specVersion: 0.36.0
created: 2026-01-01T00:00:00Z
name: a
runtime: typescript
`;

describe('a func.yaml is refused with file and line', () => {
  test('min above max', async () => {
    const yaml = `${head}deploy:\n  options:\n    scale:\n      min: 4\n      max: 2\n`;
    expect(await faultsOf({ 'functions/a/func.yaml': yaml })).toEqual([
      'functions/a/func.yaml:8: scale.min 4 is above scale.max 2',
    ]);
  });

  test('a target above the hard limit', async () => {
    const yaml = `${head}deploy:
  options:
    scale:
      target: 20
    resources:
      limits:
        concurrency: 10
`;
    expect(await faultsOf({ 'functions/a/func.yaml': yaml })).toEqual([
      'functions/a/func.yaml:8: scale.target 20 is above resources.limits.concurrency 10',
    ]);
  });

  test('annotations: those that Knative refuses there, and unknown ones', async () => {
    const yaml = `${head}deploy:
  annotations:
    autoscaling.knative.dev/window: 10s
    example.org/what: ever
`;
    const faults = await faultsOf({ 'functions/a/func.yaml': yaml });
    expect(faults).toHaveLength(2);
    expect(faults[0]).toMatch(
      /^functions\/a\/func\.yaml:7: Knative refuses autoscaling\.knative\.dev\/window here/,
    );
    expect(faults[1]).toBe(
      'functions/a/func.yaml:8: example.org/what is not an annotation that the local platform knows',
    );
  });

  test('two functions of one name', async () => {
    const faults = await faultsOf({
      'functions/a/func.yaml': funcYaml('same'),
      'functions/b/func.yaml': funcYaml('same'),
    });
    expect(faults).toEqual(['functions/b/func.yaml:3: name: functions/a/func.yaml:3 is called "same" too']);
  });

  test('fields that it does not know, or cannot honour', async () => {
    const yaml = `${head}scale: 3\nrun:\n  volumes:\n    - secret: x\n      path: /x\n`;
    const faults = await faultsOf({ 'functions/a/func.yaml': yaml });
    expect(faults.map((fault) => fault.split(' ')[0])).toEqual([
      'functions/a/func.yaml:7:',
      'functions/a/func.yaml:5:',
    ]);
    expect(faults.join()).toContain('run.volumes');
  });

  test('text that is no YAML', async () => {
    const faults = await faultsOf({ 'functions/a/func.yaml': `${head}run: {\n` });
    expect(faults[0]).toMatch(/^functions\/a\/func\.yaml:\d: /);
  });

  test('every fault of every file at once', async () => {
    const faults = await faultsOf({
      'functions/a/func.yaml': `${head}runtimes: x\n`,
      'functions/b/func.yaml': funcYaml('b', { min: 2, max: 1 }),
      'manifests/base/knative/config-defaults.yaml':
        'kind: ConfigMap\nmetadata:\n  name: config-defaults\ndata:\n  revision-timeout-seconds: soon\n',
    });
    expect(faults.map((fault) => fault.split(':').slice(0, 2).join(':'))).toEqual([
      'functions/a/func.yaml:5',
      'functions/b/func.yaml:11',
      'manifests/base/knative/config-defaults.yaml:5',
    ]);
  });

  test('a setting of config-autoscaler', async () => {
    const faults = await faultsOf({
      'functions/a/func.yaml': funcYaml('a'),
      'manifests/base/knative/config-autoscaler.yaml':
        'kind: ConfigMap\nmetadata:\n  name: config-autoscaler\ndata:\n  stable-window: 1s\n',
    });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(/^manifests\/base\/knative\/config-autoscaler\.yaml:5: .*stable-window/);
  });
});
