import type { ServerResponse } from 'node:http';
import { holdBack, letGo } from '../hold-back.ts';
import { connectionRefused, noAnswer, rawRefusal, timedOut } from '../refusal.ts';

// What is written past the function's own answer, which it may still hold.

const overtime = timedOut('request timeout');

/**
 * Ends an exchange whose time is over: 504, or the answer that has begun ends as if it were whole, with a line behind it. The function sees its client
 * leave. An answer with a Content-Length is cut.
 */
export function endOvertime(response: ServerResponse): void {
  const { socket } = response.req;
  // Another answer on the connection goes before it.
  if (response.socket === null) socket.destroy();
  else if (!response.headersSent) {
    if (!response.req.complete) holdBack(response.req);
    socket.write(rawRefusal(overtime));
  } else if (response.chunkedEncoding && !response.writableEnded) {
    response.flushHeaders();
    socket.write(`${overtime.body.length.toString(16)}\r\n${overtime.body}\r\n0\r\n\r\n`);
  } else socket.destroy();
  socket.destroySoon();
}

/** The process ends: its clients get what queue-proxy would say. An answer that has begun is cut. */
export function answerAtExit(response: ServerResponse, begun: boolean): void {
  if (response.headersSent || response.socket === null) return;
  // Written at once: nothing else is in front of it on this connection.
  letGo(response.socket);
  response.socket.write(rawRefusal(begun ? noAnswer : connectionRefused));
}
