/** The cluster-local URL of a Knative Service; `path` is a relative reference, as `uri` beside a `ref` is. */
export function serviceUrl(namespace: string, name: string, path = ''): string {
  return `http://${name}.${namespace}.svc.cluster.local${path}`;
}

/** The cluster-local URL of a Broker of class RabbitMQBroker. */
export function brokerUrl(namespace: string, name: string): string {
  return `http://${name}-broker-ingress.${namespace}.svc.cluster.local`;
}
