import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, constants } from 'node:http2';
import type { IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { nginxConfig } from '../../../manifests/commands/nginx.ts';
import { freePort } from '../../servers/free-port.ts';
import { end, listens, ready, start } from '../../servers/process.ts';

export const host = 'predictions.example.org';

/** The host's nginx with the project's own configuration, on free ports of loopback, in front of `upstreamPort`. */
export type Nginx = {
  http: number;
  https: number;
  certificates: string;
  reload(): void;
  /** Stops it and removes its folder. */
  stop(): Promise<void>;
};

/** Starts the real nginx (its path). `rate` per second and `burst` are the limits of one client address. */
export async function startNginx(
  program: string,
  upstreamPort: number,
  { rate = 1000, burst = 1000 }: { rate?: number; burst?: number } = {},
): Promise<Nginx> {
  const [http, https] = [await freePort(), await freePort()];
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-nginx-'));
  const certificates = path.join(folder, 'live');
  mkdirSync(certificates, { recursive: true });
  newCertificate(certificates);
  const values = {
    host,
    http: `127.0.0.1:${http}`,
    https: `127.0.0.1:${https}`,
    upstream: `127.0.0.1:${upstreamPort}`,
    certificates,
    rate: String(rate),
    burst: String(burst),
  };
  writeFileSync(path.join(folder, 'kickoff.conf'), nginxConfig(values));
  writeFileSync(
    path.join(folder, 'nginx.conf'),
    // Workers that may write into the test's folder.
    `${process.getuid?.() === 0 ? 'user root; ' : ''}daemon off; pid ${folder}/pid; error_log stderr warn; worker_processes 1;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  include ${folder}/kickoff.conf;
}
`,
  );
  const running = start(program, ['-p', folder, '-c', path.join(folder, 'nginx.conf')]);
  await ready(running, () => listens(https), 20_000);
  return {
    http,
    https,
    certificates,
    reload: () => running.child.kill('SIGHUP'),
    async stop() {
      await end(running, 'SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Writes a fresh self-signed certificate for the host, as certbot does: the key and the chain. */
export function newCertificate(folder: string): void {
  execFileSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`],
      ...['-keyout', path.join(folder, 'privkey.pem'), '-out', path.join(folder, 'fullchain.pem')],
    ],
    { stdio: 'pipe' },
  );
}

export type Answer = { status: number; headers: IncomingHttpHeaders; body: string };

/** One HTTP/2 connection to nginx, by the host's name; the certificate is self-signed and not checked. */
export function http2(port: number) {
  const session = connect(`https://127.0.0.1:${port}`, { servername: host, rejectUnauthorized: false });
  session.on('error', () => undefined);
  return {
    async request(
      headers: Record<string, string> = {},
      body?: string | Buffer,
      onData?: (text: string) => void,
    ): Promise<Answer> {
      return new Promise((resolve, reject) => {
        const stream = session.request({
          [constants.HTTP2_HEADER_AUTHORITY]: host,
          [constants.HTTP2_HEADER_METHOD]: body === undefined ? 'GET' : 'POST',
          [constants.HTTP2_HEADER_PATH]: '/',
          ...headers,
        });
        let text = '';
        let head: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
        stream.setEncoding('utf8');
        stream.on('response', (received) => (head = received));
        stream.on('data', (part: string) => {
          text += part;
          onData?.(part);
        });
        stream.on('end', () => {
          resolve({ status: head[':status'] ?? 0, headers: head, body: text });
        });
        stream.on('error', reject);
        stream.end(body);
      });
    },
    close: () => {
      session.close();
    },
  };
}
