import { goModule, goProgram, goTool, python, type Need } from '../needs.ts';

/** The kustomize of the pinned version. */
export const kustomize: Need = await goTool('sigs.k8s.io/kustomize/kustomize/v5@v5.8.1');
/** The kustomize inside of kubectl 1.27, the oldest that README names. */
export const oldestKustomize: Need = await goTool('sigs.k8s.io/kustomize/kustomize/v5@v5.0.1');
/** Python with the schemas of Kubernetes 1.34. */
export const kubernetesSchemas: Need = await python('test/manifests/requirements.txt');
/** The messaging topology operator 1.20.1's types. */
export const topologyTypes: Need = await goProgram('test/manifests/topology');
/** CEL as Kubernetes evaluates it in admission policies. */
export const admission: Need = await goProgram('test/manifests/admission');
/** func 1.22.2, which carries the schema of func.yaml. */
export const func: Need = await goModule('knative.dev/func@v0.49.2');
