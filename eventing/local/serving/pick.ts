/** What the choice of a replica depends on. */
export type Loaded = { readonly inFlight: number };

/** How the activator chooses a replica (knative/serving pkg/activator/net/lb_policy.go). */
export type Pick<R extends Loaded> = {
  /** A replica with a free slot. */
  free(replicas: readonly R[]): R | undefined;
  /** The replica whose turn it is, busy or not. */
  any(replicas: readonly R[]): R | undefined;
};

/** No limit: the less busy of two random ones. Up to 3: the first with a free slot. Above: in turn. */
export function pickReplica<R extends Loaded>(containerConcurrency: number): Pick<R> {
  let turn = 0;
  const inTurn = (replicas: readonly R[], limit: number): R | undefined => {
    for (let tries = 0; tries < replicas.length; tries++) {
      turn = (turn + 1) % replicas.length;
      const replica = replicas[turn];
      if (replica && replica.inFlight < limit) return replica;
    }
    return undefined;
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

function ofTwo<R extends Loaded>(replicas: readonly R[]): R | undefined {
  const first = Math.floor(Math.random() * replicas.length);
  // Another one: if both draws could be the same, a busy replica of two would be chosen a quarter of the time.
  const step = 1 + Math.floor(Math.random() * (replicas.length - 1));
  const one = replicas[first];
  const other = replicas[(first + step) % replicas.length];
  return one && other && other.inFlight < one.inFlight ? other : one;
}
