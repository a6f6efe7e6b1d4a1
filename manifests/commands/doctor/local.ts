import { readFileSync } from 'node:fs';
import path from 'node:path';
import { worstCase } from '../../../eventing/local/eventing/broker/backoff.ts';
import { serviceUrl } from '../../../eventing/local/manifests/wiring/address.ts';
import { readWiring } from '../../../eventing/local/manifests/wiring/read.ts';
import type { Trigger } from '../../../eventing/local/manifests/wiring/wiring.ts';
import { longestWait } from '../../../functions/ingress/src/http/prefer.ts';
import { functionManifests } from '../functions.ts';
import { producerName } from '../secrets/plan.ts';
import { parseDocuments } from '../yaml/bundle.ts';
import type { Finding } from './finding.ts';
import { doorOf, producerFinding, rightsOf } from './producers.ts';

/** Messages that a dispatcher takes at a time, fixed in eventing-rabbitmq. */
const prefetch = 100;
/** Seconds: Knative's timeoutSeconds. func leaves it at its default; it counts from a request's arrival, cold start included. */
const knativeTimeout = 300;
/** Two cold functions one after the other, as measured on a single-node cluster, and some room. */
const coldStartMs = 5000;
/** Seconds that queue-proxy lets a stopping pod continue before the function gets SIGTERM. */
const quiet = 30;

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;

/** What the manifests, the wiring and the host's nginx say of each other's numbers. `root` is the project. */
export function localFindings(root: string): Finding[] {
  const functions = functionManifests(root);
  const wiring = readWiring(
    path.join(root, 'eventing'),
    functions.map(({ name }) => name),
  );
  // Only to its root path: the others (a sweep, what a challenger says) are not meant to scale a function.
  const triggersOf = (name: string): Trigger[] =>
    wiring.triggers.filter(
      ({ subscriber }) => subscriber.replace(/\/$/, '') === serviceUrl(wiring.namespace, name),
    );

  const scale = functions
    .filter(({ name }) => triggersOf(name).length > 0)
    .map(({ name, deploy: { options } }): Finding => {
      const target = options.scale.target ?? options.resources.limits.concurrency;
      const most = options.scale.max * target;
      const parallelism = triggersOf(name).reduce((sum, trigger) => sum + trigger.parallelism, 0);
      return {
        ok: parallelism >= most,
        text: `${name}: parallelism ${parallelism} of its Triggers for max scale ${options.scale.max} x target ${target} = ${most}`,
        remedy: `raise rabbitmq.eventing.knative.dev/parallelism in eventing/triggers.yaml to ${most}: below it the last replicas never get work`,
      };
    });

  const limit = consumerTimeout(root);
  const holds = wiring.triggers.flatMap(({ name, delivery, parallelism }): Finding[] => {
    if (delivery?.timeoutMs === undefined) return [];
    const worst = worstCase(delivery, delivery.timeoutMs);
    const last = (prefetch / parallelism) * worst;
    const sum = `${delivery.retry + 1} x ${seconds(delivery.timeoutMs)} + waits = ${seconds(worst)}`;
    return [
      {
        ok: last < limit,
        text: `Trigger ${name}: ${sum}; x ${prefetch} taken at a time / parallelism ${parallelism} = ${seconds(last)} < RabbitMQ's consumer_timeout ${seconds(limit)}`,
        remedy: `fewer retries, a shorter timeout or more parallelism in eventing/triggers.yaml: RabbitMQ closes the channel and delivers all of it again`,
      },
      {
        ok: coldStartMs < delivery.timeoutMs && delivery.timeoutMs < (knativeTimeout - quiet) * 1000,
        text: `Trigger ${name}: cold start ${seconds(coldStartMs)} < timeout ${seconds(delivery.timeoutMs)} < Knative's ${knativeTimeout} s - ${quiet} s`,
        remedy: `a timeout between them in eventing/triggers.yaml: a start is no failure, and a pod that stops is killed before its request has ended`,
      },
    ];
  });

  const pulls = wiring.sources.map(({ name, delivery, parallelism }): Finding => {
    // The Broker's ingress answers in milliseconds or not at all: only the waits count.
    const waits = worstCase(delivery, 0);
    const last = (prefetch / parallelism) * waits;
    return {
      ok: last < limit,
      text: `RabbitmqSource ${name}: waits ${seconds(waits)} x ${prefetch} taken at a time / parallelism ${parallelism} = ${seconds(last)} < RabbitMQ's consumer_timeout ${seconds(limit)}`,
      remedy: 'fewer retries, a shorter backoffDelay or more parallelism in eventing/source.yaml',
    };
  });

  const nginx = readFileSync(path.join(root, 'manifests/nginx/kickoff.conf'), 'utf8');
  const proxy = Number(/proxy_read_timeout (\d+)s/.exec(nginx)?.[1]);
  return [
    ...scale,
    ...holds,
    ...pulls,
    producers(root),
    {
      ok: longestWait < proxy && proxy < knativeTimeout,
      text: `longest wait of a client ${longestWait} s < nginx ${proxy} s < Knative ${knativeTimeout} s`,
      remedy: 'proxy_read_timeout in manifests/nginx/kickoff.conf must lie between them',
    },
  ];
}

function producers(root: string): Finding {
  const documents = parseDocuments(readFileSync(path.join(root, 'eventing/producer.yaml'), 'utf8'));
  return producerFinding(rightsOf(documents, 'producer'), doorOf(documents), producerName);
}

/** The least of the overlays' values, in milliseconds. */
function consumerTimeout(root: string): number {
  const found = ['single-node', 'ha'].map((overlay) => {
    const text = readFileSync(path.join(root, 'manifests/overlays', overlay, 'rabbitmq.yaml'), 'utf8');
    return Number(/consumer_timeout = (\d+)/.exec(text)?.[1]);
  });
  return Math.min(...found);
}
