import { describe, expect, test } from 'vitest';
import * as v from 'valibot';
import { kustomize } from './needs.ts';
import { installation } from './overlays.ts';

const unbuilt = 'missing' in kustomize;

const StatefulSet = v.object({
  kind: v.literal('StatefulSet'),
  metadata: v.object({ name: v.string() }),
  spec: v.object({
    template: v.object({
      spec: v.object({
        containers: v.array(
          v.object({
            env: v.optional(v.array(v.object({ name: v.string() })), []),
            volumeMounts: v.array(v.object({ name: v.string(), mountPath: v.string() })),
          }),
        ),
        volumes: v.optional(v.array(v.looseObject({ name: v.string() })), []),
      }),
    }),
    volumeClaimTemplates: v.array(v.object({ metadata: v.object({ name: v.string() }) })),
  }),
});
type StatefulSet = v.InferOutput<typeof StatefulSet>;

/** Where both images of RabbitMQ, the official one and Debian's, have their home, and Erlang its cookie. */
const cookie = '/var/lib/rabbitmq/.erlang.cookie';

/** Why the kubelet may open a file to the group, which it does with all that is on a disk with `fsGroup`, at each mount. */
function faults({ spec }: StatefulSet, file: string): string[] {
  const { containers, volumes } = spec.template.spec;
  return containers.flatMap(({ env, volumeMounts }) => {
    if (env.some(({ name }) => name === 'HOME')) return ['the home is not where the image has it'];
    const over = volumeMounts.filter(({ mountPath }) => file.startsWith(`${mountPath}/`));
    const nearest = over.sort((a, b) => b.mountPath.length - a.mountPath.length)[0];
    if (!nearest) return ['no volume takes it, and the root is read-only'];
    const volume = volumes.find(({ name }) => name === nearest.name);
    return volume && 'emptyDir' in volume ? [] : [`it lies on ${nearest.name}, which outlives the pod`];
  });
}

describe.skipIf(unbuilt)("Erlang's cookie", () => {
  const sets = unbuilt
    ? []
    : installation('single-node').filter((one): one is typeof one & StatefulSet => v.is(StatefulSet, one));
  const rabbitmq = v.parse(
    StatefulSet,
    sets.find(({ metadata }) => metadata.name === 'rabbitmq'),
  );

  test('would be found on a disk, and where nothing can write it', () => {
    const moved = (mountPath: string): StatefulSet => {
      const set = structuredClone(rabbitmq);
      for (const { volumeMounts } of set.spec.template.spec.containers)
        volumeMounts.splice(0, volumeMounts.length, { name: 'data', mountPath });
      return set;
    };
    expect(faults(moved('/var/lib/rabbitmq'), cookie)).toEqual(['it lies on data, which outlives the pod']);
    expect(faults(moved('/data'), cookie)).toEqual(['no volume takes it, and the root is read-only']);
  });

  test('lies in a home that is new with each pod, and the database on the disk', () => {
    expect(faults(rabbitmq, cookie)).toEqual([]);
    const [claim] = rabbitmq.spec.volumeClaimTemplates;
    const mounts = rabbitmq.spec.template.spec.containers.flatMap(({ volumeMounts }) => volumeMounts);
    expect(mounts.find(({ name }) => name === claim?.metadata.name)?.mountPath).toBe(
      '/var/lib/rabbitmq/mnesia',
    );
  });
});
