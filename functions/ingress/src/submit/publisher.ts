import type { Event } from '../../../shared/events/cloudevents.ts';

/** Hands events to the broker. `publish` resolves once the broker has confirmed, and rejects when it has not within `deadlineMs`. */
export type Publisher = {
  publish(event: Event, deadlineMs: number): Promise<void>;
  close(): Promise<void>;
};
