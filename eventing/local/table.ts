import type { RuntimeStatus } from './runtime.ts';
import type { ServiceStatus } from './serving/status.ts';

/** A terminal as the table needs it. */
export type Terminal = { write(text: string): unknown; columns: number };

/** The platform's output on a terminal: log lines scroll by above one redrawn table. */
export type Screen = { line(text: string): void; draw(status: RuntimeStatus): void; close(): void };

// With the widest usual cells it fits 80 columns.
const head = ['function', 'revision', 'replicas', 'in flight', 'queue', 'desired', 'mode', 'last start'];

/** Takes the terminal's last lines for the table. */
export function openScreen(terminal: Terminal): Screen {
  let drawn = 0;
  let last: string[] = [];
  const erase = (): string => (drawn === 0 ? '' : `\u001b[${drawn}A\u001b[J`);
  const put = (before: string, lines: string[]): void => {
    const cut = lines.map((line) => line.slice(0, Math.max(20, terminal.columns - 1)));
    terminal.write(`${erase()}${before}${cut.map((line) => `${line}\n`).join('')}`);
    drawn = cut.length;
    last = lines;
  };
  return {
    line(text) {
      put(`${text}\n`, last);
    },
    draw(status) {
      const lines = ['', ...renderTable(status)];
      if (lines.join() !== last.join()) put('', lines);
    },
    close() {
      put('', []);
    },
  };
}

/** The table's lines: a function each (replicas: ready, +starting, −draining), then the queues that hold something. */
export function renderTable(status: RuntimeStatus): string[] {
  const rows = [head, ...status.functions.map(row)];
  const widths = head.map((_, column) => Math.max(...rows.map((cells) => (cells[column] ?? '').length)));
  const queues = status.queues
    .filter(({ ready, inFlight }) => ready + inFlight > 0)
    .map(({ queue, ready, inFlight }) => `${queue}: ${ready} ready, ${inFlight} in flight`);
  return [
    ...rows.map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
    ...queues,
  ];
}

function row(one: ServiceStatus): string[] {
  const { starting, ready, draining } = one.replicas;
  const cold = one.coldStarts.at(-1);
  return [
    one.name,
    one.revision.replace(`${one.name}-`, ''),
    `${ready}${starting > 0 ? ` +${starting}` : ''}${draining > 0 ? ` −${draining}` : ''}`,
    String(one.inFlight - one.queued),
    String(one.queued),
    String(one.desired),
    one.failing === undefined ? one.mode : 'failing',
    cold?.firstAnswer === undefined ? '' : `${Math.round(cold.firstAnswer)} ms`,
  ];
}
