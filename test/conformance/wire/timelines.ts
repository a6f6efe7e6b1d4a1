import { answerOf } from './failer.ts';
import { headersOf } from './compare.ts';
import { recording, recordings, type Step, DeliveryCase } from './recordings.ts';

export type Timed = Step & { id: string };

/**
 * What every recorded event went through, by event id, in absolute time. A recording holds the window after one publish: retries of the
 * event before reach into it, and its own reach into the next. So steps are sorted by the event they belong to, over all recordings.
 */
export function timelinesById(): Map<string, Timed[]> {
  const steps = recordings('broker-delivery-').flatMap((name) => {
    const { ingress, timeline } = recording(name, DeliveryCase);
    return timeline.map((step) => ({ ...step, t: ingress.t0 + step.t }));
  });
  steps.sort((a, b) => a.t - b.t);
  const byId = new Map<string, Timed[]>();
  const open: (Timed & { left: boolean })[] = [];
  for (const step of steps) {
    let id: string | undefined;
    if (step.phase === 'request') {
      id = headersOf(step.rawHeaders ?? [])['ce-id'] ?? '';
      // Windows overlap by some milliseconds: the same request can be in two recordings.
      if (
        byId
          .get(id)
          ?.some(({ t, phase, fn }) => phase === 'request' && fn === step.fn && Math.abs(t - step.t) < 3)
      )
        continue;
      open.push({ ...step, id, left: false });
    } else {
      const candidates = open.filter(({ fn }) => fn === step.fn);
      const owner =
        step.phase === 'client-closed-early'
          ? candidates.find(({ left }) => !left)
          : (candidates.find((each) => answerOf(each.fn, each.id, each.body ?? '').status === step.status) ??
            candidates[0]);
      if (!owner) continue;
      id = owner.id;
      owner.left = true;
      if (step.phase === 'response') open.splice(open.indexOf(owner), 1);
    }
    const own = byId.get(id) ?? [];
    own.push({ ...step, id });
    byId.set(id, own);
  }
  return byId;
}
