import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The TCP addresses that a process listens on, as /proc shows them: hexadecimal, each word in the machine's order, `:` and the port. */
export function listening(pid: number): string[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        // closed meanwhile
        return '';
      }
    }),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === '0A' && sockets.has(`socket:[${inode}]`))
      .map(([, address = '']) => address),
  );
}

/** 127.0.0.1 and ::1, as `listening` gives them on a little-endian machine. */
export const loopback = /^(0100007F|00000000000000000000000001000000):/;
