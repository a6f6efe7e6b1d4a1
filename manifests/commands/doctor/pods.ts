import * as v from 'valibot';

/** Cores and bytes as Kubernetes writes them. */
export const Amounts = v.looseObject({
  cpu: v.optional(v.string(), '0'),
  memory: v.optional(v.string(), '0'),
});

/** A container of a pod or of a pod template, as far as the doctor reads it. */
export const Container = v.looseObject({
  resources: v.optional(v.looseObject({ requests: v.optional(Amounts, {}) }), {}),
});

/** A pod of any namespace, as far as the doctor reads it. */
export const PodOfCluster = v.looseObject({
  metadata: v.looseObject({
    namespace: v.string(),
    labels: v.optional(v.record(v.string(), v.string()), {}),
  }),
  spec: v.looseObject({ containers: v.array(Container) }),
  status: v.looseObject({
    phase: v.optional(v.string(), ''),
    containerStatuses: v.optional(
      v.array(
        v.looseObject({
          restartCount: v.number(),
          lastState: v.optional(
            v.looseObject({ terminated: v.optional(v.looseObject({ finishedAt: v.string() })) }),
            {},
          ),
        }),
      ),
      [],
    ),
  }),
});
export type PodOfCluster = v.InferOutput<typeof PodOfCluster>;
