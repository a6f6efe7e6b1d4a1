import type { Activator } from './activator.ts';
import type { ColdStartPhases } from './cold-start.ts';
import type { Revision } from './revision.ts';
import type { Scaler } from './scaler.ts';

/** What `/local/status` and the live table say of a Service. */
export type ServiceStatus = {
  name: string;
  url: string;
  revision: string;
  /** Of all revisions, also those that drain. */
  replicas: { starting: number; ready: number; draining: number };
  pids: number[];
  /** Requests at replicas and waiting for one. */
  inFlight: number;
  queued: number;
  desired: number;
  mode: 'stable' | 'panic';
  /** Whether requests go through the activator (Proxy) or straight to a replica's queue (Serve). */
  path: 'Proxy' | 'Serve';
  failing?: string;
  /** Starts of the last hundred replicas that answered, the newest last; ms since the need arose. */
  coldStarts: ColdStartPhases[];
};

/** What a Service's parts say of it now. */
export function serviceStatus({
  name,
  url,
  activator,
  current,
  revisions,
  scaler,
  coldStarts,
}: {
  name: string;
  url: string;
  activator: Activator;
  /** The revision that answers. */
  current: Revision | undefined;
  revisions: ReadonlySet<Revision>;
  scaler: Scaler | undefined;
  coldStarts: ColdStartPhases[];
}): ServiceStatus {
  const failing = current?.failing();
  const replicas = { starting: 0, ready: 0, draining: 0 };
  let direct = 0;
  for (const { count, links } of revisions) {
    for (const { inFlight } of links) direct += inFlight;
    replicas.starting += count.starting;
    replicas.ready += count.ready;
    replicas.draining += count.draining;
  }
  return {
    name,
    url,
    revision: current?.name ?? '',
    replicas,
    pids: [...revisions].flatMap((revision) => revision.pids),
    inFlight: activator.meter.inFlight + direct,
    queued: activator.waiting,
    desired: scaler?.wanted ?? 0,
    path: activator.mode,
    mode: scaler?.panicking ? 'panic' : 'stable',
    ...(failing ? { failing: failing.reason } : {}),
    coldStarts,
  };
}
