import * as v from 'valibot';
import { kubectl } from '../cluster/kubectl.ts';
import { secretKeys } from '../secrets/plan.ts';
import { listAt, textAt, type Document } from '../yaml/bundle.ts';
import { beside, steps } from './kinds.ts';
import { argument, list, served, type Live } from './live.ts';

/** An installation by its manifests: those of every overlay, since nobody says which one was applied. */
export type Installation = { namespace: string; host: string; documents: readonly Document[] };

/** What is in a cluster of an installation. */
export type Survey = {
  /** Of its namespace; undefined where there is none. */
  phase: 'Active' | 'Terminating' | undefined;
  ours: readonly Live[];
  claims: readonly Live[];
  /** What would go with the namespace, and is somebody else's. */
  others: readonly Live[];
};

const Namespace = v.looseObject({ status: v.looseObject({ phase: v.picklist(['Active', 'Terminating']) }) });

/** The phase of a namespace, undefined where there is none. Throws `ClusterFault`. */
export async function phaseOf(namespace: string): Promise<Survey['phase']> {
  const text = await kubectl(['get', 'namespace', namespace, '--ignore-not-found', '-o', 'json']);
  return text.trim() === '' ? undefined : v.parse(Namespace, JSON.parse(text)).status.phase;
}

/** Kinds that do and hold nothing by themselves. */
const negligible =
  /^(service|configmap|secret|networkpolicy\.networking\.k8s\.io|poddisruptionbudget\.policy)\//;

/** Looks, and changes nothing. Throws `ClusterFault`. */
export async function survey(installation: Installation): Promise<Survey> {
  const phase = await phaseOf(installation.namespace);
  if (phase === undefined) return { phase, ours: [], claims: [], others: [] };
  const resources = [...steps.flatMap((step) => step.resources), ...beside];
  const found = await list(installation.namespace, await served(resources));
  const isOurs = belongsTo(installation.documents);
  return {
    phase,
    ours: found.filter(isOurs),
    claims: found.filter((one) => one.kind === 'PersistentVolumeClaim' && isOurs(one)),
    // What an object of ours has made goes with it.
    others: found.filter(
      (one) => !isOurs(one) && one.metadata.ownerReferences.length === 0 && !negligible.test(argument(one)),
    ),
  };
}

/** Whether an object of the namespace is one that the manifests name, or hangs on one of them. */
export function belongsTo(documents: readonly Document[]): (object: Live) => boolean {
  const named = new Set(documents.map(argument));
  const brokers = documents.filter(({ kind }) => kind === 'Broker').map(({ metadata }) => metadata.name);
  const claims = documents.flatMap((one) =>
    one.kind === 'RabbitmqCluster'
      ? [`persistence-${one.metadata.name}-server`]
      : listAt(one, 'spec', 'volumeClaimTemplates').map(
          (claim) => `${textAt(claim, 'metadata', 'name') ?? ''}-${one.metadata.name}`,
        ),
  );
  return (object) => {
    const { kind, metadata } = object;
    if (kind === 'Secret') return secretKeys[metadata.name] !== undefined;
    if (kind === 'PersistentVolumeClaim') return claims.includes(metadata.name.replace(/-\d+$/, ''));
    // Triggers that somebody added to the Broker, and what eventing-rabbitmq has made for it in RabbitMQ.
    if (kind === 'Trigger' && brokers.includes(textAt(object, 'spec', 'broker') ?? '')) return true;
    if (brokers.includes(metadata.labels['eventing.knative.dev/broker'] ?? '')) return true;
    return named.has(argument(object));
  };
}
