import { Cron } from 'croner';
import type { Clock } from './broker/clock.ts';
import { toHttp } from './broker/http-binding.ts';
import type { Log, Send } from '../seams.ts';
import type { Ping } from '../manifests/wiring/wiring.ts';

export type TickOptions = { ping: Ping; namespace: string; send: Send; clock: Clock; log: Log };

/** A PingSource: sends its event at the times of its crontab (five fields, UTC unless it names a time zone). */
export function startTick(options: TickOptions): { stop(): void } {
  const { ping, log } = options;
  const job = new Cron(
    ping.schedule,
    { mode: '5-part', timezone: ping.timezone ?? 'UTC', unref: true },
    async () => {
      try {
        await tick(options);
      } catch (error) {
        log(ping.name, `the tick was not sent: ${(error as Error).message}`);
      }
    },
  );
  return {
    stop() {
      job.stop();
    },
  };
}

/** Sends one event as a PingSource does. Like it, tries once: the next tick comes anyway. */
export async function tick({ ping, namespace, send, clock, log }: TickOptions): Promise<void> {
  const headers = toHttp({
    attributes: {
      specversion: '1.0',
      id: crypto.randomUUID(),
      type: 'dev.knative.sources.ping',
      source: `/apis/v1/namespaces/${namespace}/pingsources/${ping.name}`,
      time: clock.now().toISOString(),
    },
    contentType: ping.contentType,
    data: new Uint8Array(),
  });
  const { status } = await send(ping.sink, { headers, body: Buffer.from(ping.data ?? '') });
  if (status >= 300) log(ping.name, `the tick was answered with status ${status}`);
}
