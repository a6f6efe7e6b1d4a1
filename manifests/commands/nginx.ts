import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ofProcess, runCommand } from '../../eventing/commands/command.ts';
import { readParams } from './yaml/params.ts';

/** The names between @ in nginx/kickoff.conf: ports and addresses as nginx writes them, `rate` per second and client address. */
export type NginxValues = {
  host: string;
  http: string;
  https: string;
  upstream: string;
  certificates: string;
  rate: string;
  burst: string;
};

/** nginx/kickoff.conf filled in. Throws for a name that is not among the values. */
export function nginxConfig(values: NginxValues): string {
  const template = readFileSync(path.join(import.meta.dirname, '../nginx/kickoff.conf'), 'utf8');
  return template.replace(/@([a-z]+)@/g, (_, name: string) => {
    const value = values[name as keyof NginxValues] as string | undefined;
    if (value === undefined) throw new Error(`nginx/kickoff.conf: no value for @${name}@`);
    return value;
  });
}

/** The values of an installation: the host's ports 80 and 443, Kourier on the node, a certificate where certbot keeps it. */
export function hostValues({ host, 'node-port': port }: { host: string; 'node-port': string }): NginxValues {
  return {
    host,
    http: '80',
    https: '443',
    upstream: `127.0.0.1:${port}`,
    certificates: `/etc/letsencrypt/live/${host}`,
    rate: '50',
    burst: '100',
  };
}

const help = `npm run --silent nginx

Prints the configuration of the host's nginx for the host of manifests/params/params.yaml.

Exit code: 0 printed, 2 wrong usage.`;

if (import.meta.main) {
  const command = ofProcess();
  process.exitCode = await runCommand(command, { help, options: {} }, () => {
    command.print(nginxConfig(hostValues(readParams(path.resolve(import.meta.dirname, '../..')))).trimEnd());
    return 0;
  });
}
