import { portForward } from './port-forward.ts';

/** An address that works on this machine until `close`. */
export type Reached = { url: URL; close(): void };

/** A URL of the cluster as it works here: by a port-forward if its host is a Service. `port` is that of a URL without one. Throws `ClusterFault`. */
export async function reach(address: string, port: number): Promise<Reached> {
  const url = new URL(address);
  const [, service, namespace] = /^([^.]+)\.([^.]+)\.svc(?:\.cluster\.local)?$/.exec(url.hostname) ?? [];
  if (service === undefined || namespace === undefined) return { url, close: () => undefined };
  const forward = await portForward(namespace, service, Number(url.port || port));
  url.host = new URL(forward.url).host;
  return {
    url,
    close: () => {
      forward.close();
    },
  };
}
