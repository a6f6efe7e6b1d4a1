import { Sent } from './sent.ts';
import type { HttpResponse, Send } from '../seams.ts';
import type { Service } from './service.ts';

/**
 * What HTTP forbids in a header's name or value; Go's net/http sends no such request either. undici's Pool must not get it: it counts a refused
 * request against its client for ever, so that a few of them stop all others.
 */
const notInName = /[^\w!#$%&'*+.^`|~-]|^$/;
const notInValue = /[^\t\x20-\x7e\x80-\xff]/;

/** Reaches functions by their cluster-local URLs, in process. Rejects for a host that is no function, and headers that HTTP does not allow. */
export function sendTo(services: ReadonlyMap<string, Service>): Send {
  return (url, request, options = {}) => {
    const { hostname, pathname, search } = new URL(url);
    const [name = '', , svc] = hostname.split('.');
    const service = svc === 'svc' ? services.get(name) : undefined;
    if (!service) return Promise.reject(new Error(`${hostname} is not here: no function is called that`));
    for (const [header, value] of Object.entries(request.headers))
      if (notInName.test(header) || notInValue.test(value))
        return Promise.reject(new Error(`HTTP does not allow the header ${header} with this value`));
    return new Promise<HttpResponse>((resolve, reject) => {
      const { timeoutMs, signal } = options;
      const sent = new Sent(pathname + search, request, service.activator, {
        resolve: settle(resolve),
        reject: settle(reject),
      });
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => {
              sent.abandon(new Error(`no answer from ${hostname} within ${timeoutMs} ms`));
            }, timeoutMs);
      const abort = (): void => {
        sent.abandon(new Error('the sender gave up'));
      };
      function settle<T>(then: (value: T) => void): (value: T) => void {
        return (value) => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', abort);
          then(value);
        };
      }
      if (signal?.aborted) {
        reject(new Error('the sender gave up'));
        return;
      }
      signal?.addEventListener('abort', abort);
      service.activator.submit(sent);
    });
  };
}
