import * as v from 'valibot';
import { createEvent, readEvent, structuredMessage } from '../../../shared/events/cloudevents.ts';
import { CompletedData, requestedType } from '../../../shared/events/events.ts';
import { send } from '../../../shared/http/client.ts';
import type { PredictionRequest } from '../../../shared/prediction.ts';

/** Asks predict directly, without the broker. Rejects when it does not answer in time, or with anything but a completed event. */
export type PredictDirectly = (
  requests: readonly PredictionRequest[],
  event: { id: string; extensions?: Record<string, string> | undefined },
) => Promise<CompletedData>;

/** Posts to the predict function at `url`, cluster-local. The deadline leaves it time to start. */
export function createPredictClient(url: string, deadlineMs: number): PredictDirectly {
  return async (requests, { id, extensions }) => {
    const event = createEvent({
      id,
      source: '/kickoff/ingress',
      type: requestedType,
      extensions,
      data: { requests },
    });
    const { status, headers, body } = await send(url, structuredMessage(event), deadlineMs);
    if (status !== 200) throw new Error(`predict at ${new URL(url).host} answered ${status}`);
    const completed = await readEvent(new Request(url, { method: 'POST', headers, body }));
    return v.parse(CompletedData, completed.data);
  };
}
