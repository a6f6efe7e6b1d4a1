import { createEvent, structuredMessage } from '../../functions/shared/events/cloudevents.ts';
import { requestedType } from '../../functions/shared/events/events.ts';
import { newId } from '../../functions/shared/id.ts';
import { ledgerId } from '../../functions/shared/identity.ts';
import { fixture } from './load.ts';
import { poison, type System } from './system.ts';

type Requested = { id: string; message: { headers: Record<string, string>; body: string } };

function requested(home: string, away: string): Requested {
  const id = newId();
  const data = { requests: [{ id, home, away }] };
  const source = '/chaos';
  return {
    id: ledgerId({ source, id }),
    message: structuredMessage(createEvent({ id: newId(), source, type: requestedType, data })),
  };
}

/** Posts an event; true when it was accepted. */
async function post(url: string, { message }: Requested): Promise<boolean> {
  const response = await fetch(url, { method: 'POST', ...message }).catch(() => undefined);
  await response?.body?.cancel();
  return response?.status === 202;
}

/** Sends `count` events five times each at the same moment, half of them to the HTTP API and half to the Broker. */
export async function sendCopies(
  { url }: System,
  count: number,
  { random, promised }: { random: () => number; promised: (id: string) => void },
): Promise<void> {
  for (let n = 0; n < count; n++) {
    const { home, away } = fixture(random);
    const event = requested(home, away);
    const to = n % 2 === 0 ? `${url}/v1/events` : `${url}/local/broker/`;
    const copies = await Promise.all(Array.from({ length: 5 }, () => post(to, event)));
    if (copies.includes(true)) promised(event.id);
  }
}

/** Sends an event that ends every process of predict that receives it. */
export async function sendPoison(
  { url }: System,
  _: () => number,
  promised: (id: string) => void,
): Promise<void> {
  const event = requested(poison, 'Arsenal');
  if (!(await post(`${url}/v1/events`, event))) throw new Error('the poison was not accepted');
  promised(event.id);
}
