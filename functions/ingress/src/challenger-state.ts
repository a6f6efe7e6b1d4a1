import { type Agreement, agreement } from '../../shared/model/agreement.ts';
import type { Challenger } from '../../shared/model/challenger.ts';
import type { ModelRef } from '../../shared/prediction.ts';
import { type Store, StoreUnavailable } from '../../shared/store/store.ts';

/** What `/v1/model` says of the challenger; `agreement` is null while the store is away. */
export type ChallengerState = ModelRef & { canaryPercent: number; agreement: Agreement | null };

const freshMs = 10_000;

/** The state of the challenger beside `champion`, undefined without one. The comparison is thousands of rows, so it is read at most every 10 s. */
export function createChallengerState(
  store: { history: Pick<Store['history'], 'shadows'> },
  challenger: Pick<Challenger<undefined>, 'model' | 'percent'>,
): (champion: ModelRef) => Promise<ChallengerState | undefined> {
  let known: { key: string; at: number; agreement: Agreement } | undefined;
  return async function state(champion) {
    const ref = challenger.model()?.current().ref;
    if (!ref) return undefined;
    const key = `${champion.digest} ${ref.digest}`;
    if (known?.key !== key || performance.now() - known.at > freshMs) {
      known = undefined;
      const compared = await store.history.shadows().catch((error: unknown) => {
        if (error instanceof StoreUnavailable) return undefined;
        throw error;
      });
      const pairs = compared
        ?.filter((one) => one.champion.digest === champion.digest && one.challenger.digest === ref.digest)
        .flatMap((one) => one.pairs);
      if (pairs) known = { key, at: performance.now(), agreement: agreement(pairs) };
    }
    return { ...ref, canaryPercent: challenger.percent(), agreement: known?.agreement ?? null };
  };
}
