import { portForward } from './port-forward.ts';

/** An address that works on this machine until `close`. */
export type Reached = { url: URL; close(): void };

/** The Service of the cluster that a host names, if it is one. */
export function serviceOf({ hostname }: URL): { name: string; namespace: string } | undefined {
  const [, name, namespace] = /^([^.]+)\.([^.]+)\.svc(?:\.cluster\.local)?$/.exec(hostname) ?? [];
  return name === undefined || namespace === undefined ? undefined : { name, namespace };
}

/** A URL of the cluster as it works here: by a port-forward if its host is a Service. `port` is that of a URL without one. Throws `ClusterFault`. */
export async function reach(address: string, port: number): Promise<Reached> {
  const url = new URL(address);
  const service = serviceOf(url);
  if (!service) return { url, close: () => undefined };
  const forward = await portForward(service.namespace, service.name, Number(url.port || port));
  url.host = new URL(forward.url).host;
  return {
    url,
    close: () => {
      forward.close();
    },
  };
}
