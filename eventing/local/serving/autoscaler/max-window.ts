/** The maximum over a sliding window. `peaks` are what can still become it: values fall, slots rise. */
export type MaxWindow = { readonly slots: number; readonly slotMs: number; readonly peaks: readonly Peak[] };

type Peak = { slot: number; value: number };

/** An empty window of ceil(windowMs / slotMs) slots; slots are counted from the epoch of the clock. */
export function createMaxWindow(windowMs: number, slotMs: number): MaxWindow {
  return { slots: Math.ceil(windowMs / slotMs), slotMs, peaks: [] };
}

/** The window with a value added; times do not go back. The largest value of a slot counts. */
export function recordPeak(window: MaxWindow, nowMs: number, value: number): MaxWindow {
  const slot = Math.floor(nowMs / window.slotMs);
  const larger = window.peaks.filter((peak) => peak.value > value && slot - peak.slot < window.slots);
  const sameSlot = larger.at(-1)?.slot === slot;
  return { ...window, peaks: sameSlot ? larger : [...larger, { slot, value }] };
}

/** The largest value of the window as of the last record; 0 before any. */
export function peakOf(window: MaxWindow): number {
  return window.peaks[0]?.value ?? 0;
}
