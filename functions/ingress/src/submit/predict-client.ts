import * as v from 'valibot';
import { binaryMessage, parseEvent } from '../../../shared/events/cloudevents.ts';
import { CompletedData, completedType, requestedType } from '../../../shared/events/events.ts';
import { signedEvent, verify } from '../../../shared/events/signature.ts';
import type { Keys } from '../../../shared/events/signing-keys.ts';
import { send } from '../../../shared/http/client.ts';
import type { PredictionRequest } from '../../../shared/prediction.ts';

/** Asks predict directly, without the broker. Rejects when it does not answer in time, or with anything but a completed event of ours. */
export type PredictDirectly = (
  requests: readonly PredictionRequest[],
  event: { id: string; extensions?: Record<string, string> | undefined },
) => Promise<CompletedData>;

/** Posts to the predict function at `url`, cluster-local. The deadline leaves it time to start. */
export function createPredictClient(url: string, keys: Keys, deadlineMs: number): PredictDirectly {
  return async (requests, { id, extensions }) => {
    const draft = { id, source: '/kickoff/ingress', type: requestedType, extensions, data: { requests } };
    const { status, headers, body } = await send(url, binaryMessage(signedEvent(draft, keys)), deadlineMs);
    if (status !== 200) throw new Error(`predict at ${new URL(url).host} answered ${status}`);
    const completed = parseEvent(new Headers(headers), body);
    const verdict = verify(completed, keys);
    if (verdict !== 'ours' || completed.type !== completedType)
      throw new Error(
        `what answered at ${new URL(url).host} is not predict: ${completed.type}, signature: ${verdict}`,
      );
    return v.parse(CompletedData, completed.data);
  };
}
