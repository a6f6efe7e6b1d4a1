import { hash } from 'node:crypto';

/**
 * Who asks, as far as a request tells: whoever has its credentials, or its client's address as nginx attests it (`X-Real-IP`,
 * manifests/nginx/kickoff.conf), or anybody. Callers behind one address are one, without credentials. Hashed, so that nothing keeps a credential.
 */
export function callerOf(headers: Pick<Headers, 'get'>): string {
  const credentials = headers.get('authorization');
  const known = credentials === null ? ['address', headers.get('x-real-ip')] : ['credentials', credentials];
  return hash('sha256', JSON.stringify(known), 'base64url');
}
