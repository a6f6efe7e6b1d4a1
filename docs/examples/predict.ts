// A matchday in one request, without waiting: each outcome is printed as it comes. `node predict.ts`, Node 24.
// KICKOFF_URL is http://localhost:8080 unless set.
const url = process.env['KICKOFF_URL'] ?? 'http://localhost:8080';
const fixtures = [
  { home: 'Arsenal', away: 'Chelsea' },
  { home: 'Bayern', away: 'Dortmund' },
  { home: 'Nobody', away: 'Chelsea' },
];

const accepted = await fetch(`${url}/v1/predictions`, {
  method: 'POST',
  headers: { 'content-type': 'application/json', prefer: 'respond-async' },
  body: JSON.stringify({ fixtures }),
});
if (accepted.status !== 202) throw new Error(`${accepted.status}: ${await accepted.text()}`);

const events = await fetch(`${url}${accepted.headers.get('location') ?? ''}/events`);
for (const event of (await events.text()).split('\n\n')) {
  const [, name] = /^event: (.+)$/m.exec(event) ?? [];
  const [, data = ''] = /^data: (.+)$/m.exec(event) ?? [];
  if (name === 'outcome') console.log(data);
}
