import { type Store, StoreUnavailable } from '../../functions/shared/store/store.ts';

/** A store that throws `StoreUnavailable` while `away()` says so, as one whose server is gone does. */
export function breakable(store: Store, away: () => boolean): Store {
  const there = (): void => {
    if (away()) throw new StoreUnavailable('the store is away');
  };
  return {
    ...store,
    async accept(jobs, options) {
      there();
      return store.accept(jobs, options);
    },
    async complete(completed) {
      there();
      return store.complete(completed);
    },
    async find(id) {
      there();
      return store.find(id);
    },
    async claim(key, claim) {
      there();
      return store.claim(key, claim);
    },
    async overdue(options) {
      there();
      return store.overdue(options);
    },
    deadLetters: {
      ...store.deadLetters,
      async add(letter) {
        there();
        return store.deadLetters.add(letter);
      },
    },
  };
}
