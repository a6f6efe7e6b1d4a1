/**
 * A difference between the real HTTP path and the local runtime, and why it stays. `cases`: of the recording, on both ways through the runtime, or on
 * one: `name.direct` is a connection that was handed to the replica, `name.activator` a request through the activator. `facts`: what differs
 * (`facts.ts`).
 */
export type Difference = {
  here: string;
  cluster: string;
  cases: readonly string[];
  facts: readonly string[];
};

const ownGuess = [
  'answer-205',
  'answer-299',
  'answer-302',
  'answer-404',
  'answer-418',
  'answer-451',
  'answer-499',
];
const ownErrors = [
  'answer-500',
  'answer-502',
  'answer-503',
  'answer-504',
  'answer-599',
  'answer-600',
  'answer-999',
];
const noHttp = [
  ...['body-cl-and-te', 'body-te-identity', 'body-two-cl-equal', 'body-two-cl-other', 'garbage'],
  ...['header-blank-before-colon', 'header-control-character', 'header-name-with-blank'],
  ...['method-patch-lower', 'method-unknown', 'path-latin1', 'path-without-slash'],
];

export const differences: readonly Difference[] = [
  {
    here: 'an answer with a length and no Content-Type has none',
    cluster: 'Go guesses one from the body, `text/html` too: always set it',
    cases: [
      ...ownGuess,
      ...ownErrors,
      ...[
        'answer-no-content-type-length',
        'answer-own-server-date',
        'answer-connection-close',
        'answer-hop-by-hop',
      ],
      ...['answer-latin1-header', 'answer-long-header', 'answer-more-than-length', 'answer-reason-phrase'],
      ...['answer-bad-header.direct', 'answer-100-then-200.direct', 'keep-alive-reuse', 'websocket-refused'],
    ],
    facts: ['header content-type'],
  },
  {
    here: "reason phrases are Node's",
    cluster: "Envoy's, whatever the function writes",
    cases: [
      ...['answer-299', 'answer-418', 'answer-451', 'answer-499', 'answer-599', 'answer-600', 'answer-999'],
      'answer-reason-phrase.direct',
    ],
    facts: ['reason'],
  },
  {
    here: 'Content-Length and Content-Type of a 204 or 304 stay',
    cluster: 'they are taken away',
    cases: ['answer-304-content-length'],
    facts: ['header content-length', 'header content-type'],
  },
  {
    here: 'the Content-Length of a 204 stays',
    cluster: 'it is taken away',
    cases: ['answer-204-with-body'],
    facts: ['header content-length'],
  },
  {
    here: "what is no HTTP gets a 400 of Node's, without a body",
    cluster: 'a 400 with `Bad Request`',
    cases: noHttp,
    facts: ['body', 'header content-length', 'header content-type'],
  },
  {
    here: 'more than 60 KiB of headers get a 431 without a body from the activator',
    cluster: 'a 431 with a line of text',
    cases: ['header-70k.activator', 'query-long-70k.activator'],
    facts: ['body', 'header content-length', 'header content-type'],
  },
  {
    here: "on a connection that was handed over, the function's own bound of headers counts (64 KiB in ours)",
    cluster: '431 above 60 KiB',
    cases: ['header-70k.direct', 'query-long-70k.direct'],
    facts: ['app', 'status'],
  },
  {
    here: 'the 400 to a broken `%` has a Content-Length',
    cluster: 'it is chunked',
    cases: ['path-bad-percent'],
    facts: ['header content-length', 'header transfer-encoding'],
  },
  {
    here: 'a path reaches the function as it was sent',
    cluster: 'Go encodes what a path may not hold (`"`, `<`, a backslash)',
    cases: ['path-backslash-and-pipe'],
    facts: ['app target'],
  },
  {
    here: "any host is the function's",
    cluster: '404 for a name that no Route has',
    cases: [
      'host-unknown',
      'host-cluster-local-service',
      'host-cluster-local-external-name',
      'host-internal-name-of-public',
      'host-internal-short',
    ],
    facts: ['app', 'status'],
  },
  {
    here: 'there is no DomainMapping: a host reaches the function as it was sent',
    cluster: 'without its port and in lower case, the sent one as X-Envoy-Original-Host',
    cases: ['domainmapping-port', 'domainmapping-upper'],
    facts: ['app header host', 'app header x-envoy-original-host'],
  },
  {
    here: 'a host that is mapped is not named twice',
    cluster: 'also as X-Envoy-Original-Host',
    cases: ['domainmapping'],
    facts: ['app header x-envoy-original-host'],
  },
  {
    here: 'HTTP/1.1 only: no answer to HTTP/2, no lines that end with LF alone',
    cluster: 'Envoy takes both',
    cases: ['h2-prior-knowledge', 'h2-trailers', 'lf-only'],
    facts: ['app', 'status'],
  },
  {
    here: 'HTTP/1.2 is 400, CONNECT ends the connection',
    cluster: '426, 404',
    cases: ['http12', 'connect'],
    facts: ['status'],
  },
  {
    here: 'a function other than `ingress` sees `Connection: close` on a HEAD from the activator',
    cluster: 'it sees no such header',
    cases: ['cold-head'],
    facts: ['app header connection'],
  },
  {
    here: 'a GET whose connection the function breaks off is not sent again',
    cluster: 'a proxy that had reused the connection sends it once more',
    cases: ['answer-less-than-length.activator', 'app-closes-get.activator', 'app-half-length.activator'],
    facts: ['app'],
  },
  {
    here: 'a function answers with 100 and then 200, or with a bad header: 502 from the activator',
    cluster: '200',
    cases: ['answer-100-then-200.activator', 'answer-bad-header.activator'],
    facts: ['status'],
  },
  {
    here: "the text of a 502 is undici's",
    cluster: "Go's",
    cases: ['answer-garbage.activator', 'answer-two-lengths.activator'],
    facts: ['body', 'header content-length'],
  },
  {
    here: 'a 101 that nobody asked for is the 502 of a broken connection',
    cluster: 'a 502 that says so; the function keeps its connection',
    cases: ['answer-101-unasked.activator'],
    facts: ['app', 'body', 'header content-length'],
  },
  {
    here: 'a request whose client half-closes at once has reached the function, which sees it end',
    cluster: 'through the activator the function does not see it',
    cases: ['client-half-close.activator'],
    facts: ['app'],
  },
  {
    here: 'a process that died is replaced at once, and requests wait for the next; a second death in a row: 503 for a second',
    cluster: '502 `connection refused` until the kubelet starts it again',
    cases: ['app-dies-get-act5', 'app-dies-get-dir5', 'app-dies-post-act5', 'app-dies-post-dir5'],
    facts: ['after'],
  },
  {
    here: 'a GET that the process dies of: 502 `EOF`',
    cluster: '502 `connection refused` or `reset`, of the second try',
    cases: ['app-dies-get-act5', 'app-dies-get-dir5'],
    facts: ['body', 'header content-length'],
  },
  {
    here: 'a replica that closes its port gets no requests until it listens again; they wait, or come on a connection that it has',
    cluster: '502 `connection refused`',
    cases: ['app-stops-listening-act5', 'app-stops-listening-dir5'],
    facts: ['answers'],
  },
  {
    here: 'on a connection that was handed over, what the platform answers for the function ends it',
    cluster: 'the connection stays',
    cases: [
      'app-dies-get-dir5',
      'app-dies-post-dir5',
      'timeout5-silent.direct',
      'timeout5-slow-upload.direct',
    ],
    facts: ['header connection'],
  },
  {
    here: 'on a connection that was handed over, a function is not told of the time limit while its request still comes',
    cluster: 'it sees it end at the limit',
    cases: ['timeout5-slow-upload.direct'],
    facts: ['app', 'app body'],
  },
  {
    here: 'on a connection that was handed over, an answer that waits for the upload counts as unfinished',
    cluster: 'it is finished when queue-proxy has it',
    cases: ['early-413-big-slow-dir'],
    facts: ['app'],
  },
  {
    here: "on a connection that was handed over, the function's own `Connection`, `Proxy-…` and `Upgrade` reach the client",
    cluster: 'they stay on their hop',
    cases: ['answer-hop-by-hop.direct'],
    facts: ['header connection', 'header proxy-authenticate', 'header upgrade', 'header x-hop'],
  },
  {
    here: "its `Connection: close` ends the client's connection",
    cluster: 'it stays on its hop; a refused websocket is closed by Envoy',
    cases: ['answer-connection-close.direct', 'websocket-refused.direct'],
    facts: ['header connection'],
  },
  {
    here: 'a function with an `upgrade` listener gets h2c on a connection that was handed over',
    cluster: 'a plain request',
    cases: ['upgrade-h2c.direct'],
    facts: ['app', 'app body', 'status'],
  },
  {
    here: 'what a function writes or breaks off by its socket reaches a client whose connection was handed over',
    cluster: '502 (`EOF`, `malformed HTTP response`), 503 of Envoy, or 200 where Go puts it right',
    cases: [
      ...['answer-garbage.direct', 'answer-two-lengths.direct', 'answer-less-than-length.direct'],
      ...['app-closes-post.direct', 'app-half-length.direct'],
    ],
    facts: ['status'],
  },
  {
    here: 'so do a 101 that nobody asked for, and the end without an answer',
    cluster: '502; a GET is sent again',
    cases: ['answer-101-unasked.direct', 'app-closes-get.direct'],
    facts: ['app', 'status'],
  },
  {
    here: 'so do headers with a blank in their name',
    cluster: 'they are dropped',
    cases: ['answer-bad-header.direct'],
    facts: ['header x bad'],
  },
  {
    here: 'so does a 100 that was written by hand',
    cluster: 'no informational status of a function passes',
    cases: ['answer-100-then-200.direct'],
    facts: ['interim'],
  },
  {
    here: 'so does an answer without a length, until the connection ends',
    cluster: 'it is chunked',
    cases: ['answer-http10.direct', 'answer-until-close.direct'],
    facts: ['header transfer-encoding'],
  },
];

const settings = 'func.yaml cannot set `responseStartTimeoutSeconds` or `idleTimeoutSeconds`';
const duplex = 'func.yaml may not carry the annotation `features.knative.dev/http-full-duplex`';
const traffic = 'one revision gets all requests';
const deleted = 'nobody deletes a replica by hand; how one ends stands under "How a request is answered"';

/** What is not replayed, by case or `case.way`, and why. */
export const absent: Readonly<Record<string, string>> = {
  'response-start-3-silent': settings,
  'idle-3': settings,
  'idle-3-head-only': settings,
  'idle-3-alone-silent-acti': settings,
  'idle-3-alone-silent-diri': settings,
  'early-413-slow-500-full-duplex-actf': duplex,
  'early-413-slow-5000000-full-duplex-actf': duplex,
  'early-413-slow-500-full-duplex-dirf': duplex,
  'early-413-slow-5000000-full-duplex-dirf': duplex,
  'split-one-cannot-start': traffic,
  'split-two-revisions': traffic,
  'split-tag-host': traffic,
  'split-tag-header': traffic,
  'pod-deleted-act': deleted,
  'pod-deleted-dir': deleted,
  'idle-stream-scale-to-zero':
    'takes two minutes; `npm test` lets replicas go to zero in the replay of the autoscaler',
  'ready-after-listen': 'times of a pod; a replica here is asked every 50 ms until it is ready',
  'early-413-20mb-destroy.direct':
    "the app destroys its client's connection: what arrives is a matter of time",
};
