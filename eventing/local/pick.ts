import type { Replica } from './replica.ts';

/** How the activator chooses a replica (knative/serving pkg/activator/net/lb_policy.go). */
export type Pick = {
  /** A replica with a free slot. */
  free(replicas: readonly Replica[]): Replica | undefined;
  /** The replica whose turn it is, busy or not. */
  any(replicas: readonly Replica[]): Replica | undefined;
};

/** No limit: the less busy of two random ones. Up to 3: the first with a free slot. Above: in turn. */
export function pickReplica(containerConcurrency: number): Pick {
  let turn = 0;
  const inTurn = (replicas: readonly Replica[], limit: number): Replica | undefined => {
    for (let tries = 0; tries < replicas.length; tries++) {
      turn = (turn + 1) % replicas.length;
      const replica = replicas[turn];
      if (replica && replica.inFlight < limit) return replica;
    }
    return undefined;
  };
  const ofTwo = (replicas: readonly Replica[]): Replica | undefined => {
    const [one, other] = [random(replicas), random(replicas)];
    return one && other && other.inFlight < one.inFlight ? other : one;
  };
  return {
    free(replicas) {
      if (containerConcurrency === 0) return ofTwo(replicas);
      if (containerConcurrency <= 3)
        return replicas.find((replica) => replica.inFlight < containerConcurrency);
      return inTurn(replicas, containerConcurrency);
    },
    any: (replicas) => (containerConcurrency === 0 ? ofTwo(replicas) : inTurn(replicas, Infinity)),
  };
}

function random(replicas: readonly Replica[]): Replica | undefined {
  return replicas[Math.floor(Math.random() * replicas.length)];
}
