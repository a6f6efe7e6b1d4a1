// Preloaded into the runtime and the functions by hops.ts: notes the time of every read and write on a socket, on the clock that all processes
// of a machine share, and of every request that an HTTP server has got (its parser reads the socket without Node's streams).
import { subscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

const folder = new URL(import.meta.url).searchParams.get('folder');
const service = process.env.K_SERVICE ?? 'runtime';
const noted = [];
const note = (what, socket) =>
  noted.push([Number(process.hrtime.bigint() / 1000n), what, socket.remotePort ?? 0]);

const { push, _writeGeneric: write } = net.Socket.prototype;
net.Socket.prototype.push = function (...args) {
  note('read', this);
  return push.apply(this, args);
};
net.Socket.prototype._writeGeneric = function (...args) {
  note('write', this);
  return write.apply(this, args);
};
subscribe('http.server.request.start', ({ socket }) => note('request', socket));
process.on('exit', () =>
  writeFileSync(
    path.join(folder, `${service}-${process.pid}.json`),
    JSON.stringify({ service, port: Number(process.env.PORT), noted }),
  ),
);
