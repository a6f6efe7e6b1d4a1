/** Resolves after `ms` and keeps no process alive: to race with what may never end. */
export function limit(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
