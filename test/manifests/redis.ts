import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { parse } from 'yaml';

const file = path.resolve(import.meta.dirname, '../../manifests/base/redis.yaml');

const Config = v.object({ kind: v.literal('ConfigMap'), data: v.object({ 'redis.conf': v.string() }) });
const Limits = v.object({ limits: v.object({ cpu: v.string(), memory: v.string() }) });
const Workload = v.object({
  kind: v.literal('StatefulSet'),
  spec: v.object({
    template: v.object({
      spec: v.object({ containers: v.tuple([v.object({ resources: Limits })]) }),
    }),
  }),
});

/** The configuration of Redis, and its container's limits of memory in bytes and of CPU in cores, by a manifest with one StatefulSet. */
export function redisManifest(workload = file): { config: string; memory: number; cores: number } {
  const documents = (of: string): unknown[] =>
    readFileSync(of, 'utf8')
      .split(/^---$/m)
      .map((one): unknown => parse(one));
  const config = documents(file).find((one) => v.is(Config, one));
  const set = documents(workload).find((one) => v.is(Workload, one));
  const { data } = v.parse(Config, config);
  const [container] = v.parse(Workload, set).spec.template.spec.containers;
  const { cpu, memory } = container.resources.limits;
  return {
    config: data['redis.conf'],
    memory: bytesOf(memory),
    cores: cpu.endsWith('m') ? Number.parseInt(cpu) / 1000 : Number(cpu),
  };
}

const units: Record<string, number> = { mb: 2 ** 20, gb: 2 ** 30, mi: 2 ** 20, gi: 2 ** 30 };

/** The bytes of `48mb` (Redis) or `512Mi` (Kubernetes). */
export function bytesOf(text: string): number {
  const [, number = '', unit = ''] = /^(\d+)([a-z]*)$/i.exec(text) ?? [];
  return Number(number) * (units[unit.toLowerCase()] ?? 1);
}
