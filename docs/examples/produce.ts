// Sends a batch of CloudEvents over HTTP and prints their results. Needs the package cloudevents. `node produce.ts`, Node 24.
// KICKOFF_URL is http://localhost:8080 unless set.
import { randomUUID } from 'node:crypto';
import { CloudEvent } from 'cloudevents';

const url = process.env['KICKOFF_URL'] ?? 'http://localhost:8080';
const matches = [
  { home: 'Arsenal', away: 'Chelsea' },
  { home: 'Real Madrid', away: 'Barcelona' },
];
const requests = matches.map((match) => ({ id: randomUUID(), ...match }));
const events = requests.map(
  (request) =>
    new CloudEvent({
      type: 'dev.kickoff.prediction.requested.v1',
      source: '/examples/typescript',
      datacontenttype: 'application/json',
      correlationid: 'order-7',
      data: { requests: [request], replyTo: 'examples' },
    }),
);

const response = await fetch(`${url}/v1/events`, {
  method: 'POST',
  headers: { 'content-type': 'application/cloudevents-batch+json' },
  body: JSON.stringify(events),
});
if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`);

// The answer names the place of each result.
const { accepted } = (await response.json()) as { accepted: { requests: { location: string }[] }[] };
for (const { location } of accepted.flatMap((event) => event.requests)) {
  const states = await (await fetch(`${url}${location}/events`)).text();
  console.log(/^data: (.+)$/m.exec(states.slice(states.lastIndexOf('event: state')))?.[1]);
}
