import * as v from 'valibot';
import { kubectl } from '../cluster/kubectl.ts';
import type { Finding } from './finding.ts';

// A cloud's minor may be `30+`.
const Version = v.looseObject({ major: v.string(), minor: v.string() });
const Versions = v.looseObject({ clientVersion: Version, serverVersion: Version });

/** Whether kubectl, and then the cluster, are recent enough. Throws `ClusterFault` if there is no kubectl, or no cluster answers. */
export async function versionFindings(): Promise<[kubectl: Finding, kubernetes: Finding]> {
  const { clientVersion, serverVersion } = v.parse(
    Versions,
    JSON.parse(await kubectl(['version', '-o', 'json'])),
  );
  return [
    {
      ok: Number.parseInt(clientVersion.minor) >= 27,
      text: `kubectl ${clientVersion.major}.${clientVersion.minor}`,
      remedy:
        'install kubectl 1.27 or later (kubernetes.io/docs/tasks/tools): an older one builds other manifests than these',
    },
    {
      ok: Number.parseInt(serverVersion.minor) >= 30,
      text: `Kubernetes ${serverVersion.major}.${serverVersion.minor}`,
      remedy: 'Kubernetes 1.30 or later: manifests/base/pod-security.yaml needs ValidatingAdmissionPolicy',
    },
  ];
}
