import { functionsConformance } from '../conformance/functions.ts';
import { ingressUrl } from './deployed.ts';

functionsConformance(`deployed at ${ingressUrl}`, async () => ({
  request: (target, init) => fetch(new URL(target, ingressUrl), init),
  close: () => Promise.resolve(),
}));
