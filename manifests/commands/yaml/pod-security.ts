import { at, listAt, podSpec, title, type Document } from './bundle.ts';

const volumes = new Set([
  'configMap',
  'secret',
  'emptyDir',
  'projected',
  'downwardAPI',
  'persistentVolumeClaim',
  'csi',
  'ephemeral',
]);

/**
 * What the Pod Security Standard `restricted` (kubernetes.io/docs/concepts/security/pod-security-standards) would refuse in an object's pods, one
 * line each. Empty for objects without pods.
 */
export function podSecurityFaults(document: Document): string[] {
  const spec = podSpec(document);
  if (spec === undefined) return [];
  const faults: string[] = [];
  const fault = (text: string): void => void faults.push(`${title(document)}: ${text}`);
  const pod = at(spec, 'securityContext');
  for (const field of ['hostNetwork', 'hostPID', 'hostIPC'])
    if (at(spec, field) === true) fault(`${field} must not be set`);
  if (at(pod, 'runAsUser') === 0) fault('runAsUser must not be 0');
  for (const volume of listAt(spec, 'volumes')) {
    const kind = Object.keys(volume as object).find((key) => key !== 'name') ?? 'none';
    if (!volumes.has(kind)) fault(`volume ${String(at(volume, 'name'))} is of type ${kind}`);
  }
  const containers = [...listAt(spec, 'initContainers'), ...listAt(spec, 'containers')];
  for (const container of containers) {
    const name = String(at(container, 'name'));
    const context = at(container, 'securityContext');
    const own = (field: string): unknown => at(context, field) ?? at(pod, field);
    if (at(context, 'privileged') === true) fault(`container ${name} must not be privileged`);
    if (at(context, 'allowPrivilegeEscalation') !== false)
      fault(`container ${name} must set allowPrivilegeEscalation to false`);
    if (own('runAsNonRoot') !== true) fault(`container ${name} must set runAsNonRoot`);
    if (at(context, 'runAsUser') === 0) fault(`container ${name} must not run as user 0`);
    if (!listAt(context, 'capabilities', 'drop').includes('ALL'))
      fault(`container ${name} must drop ALL capabilities`);
    if (listAt(context, 'capabilities', 'add').some((name) => name !== 'NET_BIND_SERVICE'))
      fault(`container ${name} adds capabilities`);
    const seccomp = at(own('seccompProfile'), 'type');
    if (seccomp !== 'RuntimeDefault' && seccomp !== 'Localhost')
      fault(`container ${name} must have seccompProfile RuntimeDefault or Localhost`);
    for (const port of listAt(container, 'ports'))
      if (at(port, 'hostPort') !== undefined) fault(`container ${name} takes a port of the host`);
  }
  return faults;
}
