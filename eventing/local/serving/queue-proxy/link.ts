import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Stat } from '../autoscaler/metric.ts';
import { linger } from '../hold-back.ts';
import { connectionRefused, rawRefusal } from '../refusal.ts';

/** What the runtime tells a queue-proxy; `take` (a number that `taken` repeats) comes with a connection. */
export type ToQueueProxy = { take: number } | { shed: number } | { drainMs: number };
/** What a queue-proxy tells the runtime. */
export type FromQueueProxy =
  | 'listening'
  | { taken: number }
  | { stat: Stat; inFlight: number; connections: number }
  | 'answered'
  | 'drained';

/** The runtime's end of the line to a replica's queue-proxy, which has connections of clients. */
export type QueueProxyLink = {
  /** Whether it takes connections: the function listens with a server of `node:http`, and the process lives. */
  readonly open: boolean;
  /** About how many it has: it says so once a second. */
  readonly connections: number;
  /** Their requests in flight, as it last said. */
  readonly inFlight: number;
  /** Hands over an unread connection. It ends with the replica. */
  take(socket: Socket): void;
  /** So many connections are to end with their next answer: their clients come back to another replica. */
  shed(connections: number): void;
  /** What it reported since the last call, for the autoscaler. */
  report(): Stat;
  /** Ends the connections: with their next answer, or after `idleMs` of silence. Resolves when none is left, or no replica. */
  drain(idleMs: number): Promise<void>;
};

/** Links the queue-proxy in `child`, which was spawned with an IPC channel. `answered`: called at the first answer. */
export function linkQueueProxy(child: ChildProcess, answered: () => void): QueueProxyLink {
  let listening = false;
  let connections = 0;
  let inFlight = 0;
  let stat = nothing;
  let drained: (() => void) | undefined;
  let serial = 0;
  /** Kept until the replica confirms them: Node would leave open, for nobody, sockets on the way to a process that dies. */
  const underWay = new Map<number, Socket>();
  const tell = (message: ToQueueProxy): void => {
    // The replica may go at any moment.
    if (child.connected) child.send(message, () => undefined);
  };
  child.on('message', (message: FromQueueProxy) => {
    if (message === 'listening') listening = true;
    else if (message === 'answered') answered();
    else if (message === 'drained') drained?.();
    else if ('taken' in message) {
      underWay.get(message.taken)?.destroy();
      underWay.delete(message.taken);
    } else {
      ({ connections, inFlight } = message);
      stat = sumOf([stat, message.stat]);
    }
  });
  // Not at `disconnect`: it does not come while something is on the way.
  child.on('exit', () => {
    connections = inFlight = 0;
    drained?.();
    for (const socket of underWay.values()) refuse(socket);
    underWay.clear();
  });
  return {
    get open() {
      return listening && child.connected;
    },
    get connections() {
      return connections;
    },
    get inFlight() {
      return inFlight;
    },
    take(socket) {
      connections++;
      underWay.set(++serial, socket);
      child.send({ take: serial } satisfies ToQueueProxy, socket, { keepOpen: true }, () => undefined);
    },
    shed(count) {
      if (count > 0) tell({ shed: count });
    },
    report() {
      const since = stat;
      stat = nothing;
      return since;
    },
    drain(idleMs) {
      return new Promise((resolve) => {
        if (!child.connected) {
          resolve();
          return;
        }
        drained = resolve;
        tell({ drainMs: idleMs });
      });
    },
  };
}

/** A connection that was on its way to a process that is gone. */
function refuse(socket: Socket): void {
  linger(socket);
  socket.write(rawRefusal(connectionRefused));
  socket.destroySoon();
}

const nothing: Stat = { concurrency: 0, proxiedConcurrency: 0, requests: 0, proxiedRequests: 0 };

/** Adds reports of different requests into one. */
export function sumOf(stats: readonly Stat[]): Stat {
  const sum = { ...nothing };
  for (const one of stats) {
    sum.concurrency += one.concurrency;
    sum.requests += one.requests;
  }
  return sum;
}
