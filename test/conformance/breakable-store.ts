import { type Store, StoreUnavailable } from '../../functions/shared/store.ts';

/** A store that throws `StoreUnavailable` while `away()` says so, as one whose server is gone does. */
export function breakable(store: Store, away: () => boolean): Store {
  const guard =
    <Arguments extends unknown[], Result>(call: (...given: Arguments) => Promise<Result>) =>
    async (...given: Arguments): Promise<Result> => {
      if (away()) throw new StoreUnavailable('the store is away');
      return call(...given);
    };
  return {
    ...store,
    accept: guard(store.accept),
    complete: guard(store.complete),
    find: guard(store.find),
    claim: guard(store.claim),
    overdue: guard(store.overdue),
    deadLetters: { ...store.deadLetters, add: guard(store.deadLetters.add) },
  };
}
