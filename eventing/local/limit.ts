/** Resolves after `ms` and holds no process: to race with what may never end. */
export function limit(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
