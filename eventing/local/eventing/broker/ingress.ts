import type { HttpRequest, HttpResponse } from '../../seams.ts';
import { toMessage } from './amqp-binding.ts';
import { NotAnEvent, validate } from './event.ts';
import { fromHttp, traceOf } from './http-binding.ts';
import type { Message } from './queues.ts';

const empty = new Uint8Array();

/**
 * The answer of the Broker's ingress (eventing-rabbitmq, cmd/ingress): 202 once the broker has confirmed. An event that no Trigger wants is
 * dropped, also with 202.
 */
export async function ingress(
  { method, path, headers, body }: HttpRequest,
  publish: (message: Message) => Promise<void>,
  log: (line: string) => void,
): Promise<HttpResponse> {
  // The drainer of Knative's HTTP servers answers probes itself.
  if (headers['user-agent']?.startsWith('kube-probe/')) return answer(200);
  if (method !== 'POST') return answer(405);
  if (path !== '/') return answer(404);
  let message: Message;
  try {
    const event = fromHttp(headers, body);
    validate(event);
    message = toMessage(event, traceOf(headers));
  } catch (error) {
    if (!(error instanceof NotAnEvent)) throw error;
    log(`400: ${error.message}`);
    return answer(400);
  }
  try {
    await publish(message);
  } catch (error) {
    log(`500: not published: ${error instanceof Error ? error.message : String(error)}`);
    return answer(500);
  }
  return answer(202);
}

function answer(status: number): HttpResponse {
  return { status, headers: {}, body: empty };
}
