/** A table of fixtures: every column as it came, and which columns name the match. */
export type Table = {
  header: string[];
  rows: { line: number; cells: string[]; home: string; away: string; league: string; kickoff: string }[];
};

/** The text is not a table of fixtures; the message says what to change. */
export class NotATable extends Error {
  override name = 'NotATable';
}

export const maxRows = 10_000;

const names = {
  home: ['home', 'hometeam', 'heim', 'heimteam', 'local', 'domicile'],
  away: ['away', 'awayteam', 'visitor', 'gast', 'visitante', 'exterieur'],
  league: ['league', 'div', 'division', 'competition'],
  kickoff: ['kickoff', 'date', 'datetime'],
};

/**
 * Reads lines of cells (RFC 4180), separated by comma, semicolon or tab. The first line is a header if it has a column for home and one for away;
 * otherwise the columns are home, away, league. Throws `NotATable`.
 */
export function readTable(text: string): Table {
  const lines = readCells(text.replace(/^\uFEFF/, '')).filter(({ cells }) =>
    cells.some((cell) => cell !== ''),
  );
  const [first] = lines;
  if (!first) throw new NotATable('There is nothing to read: paste one match per line, “home,away”.');
  const header = first.cells.map((cell) => cell.toLowerCase().replace(/[^a-z]/g, ''));
  const column = (field: keyof typeof names): number =>
    header.findIndex((name) => names[field].includes(name));
  const named = column('home') >= 0 && column('away') >= 0;
  const at = named
    ? { home: column('home'), away: column('away'), league: column('league'), kickoff: column('kickoff') }
    : { home: 0, away: 1, league: 2, kickoff: 3 };
  const body = named ? lines.slice(1) : lines;
  if (body.length === 0) throw new NotATable('There is a header and no match below it.');
  if (body.length > maxRows)
    throw new NotATable(
      `${body.length} matches are more than the ${maxRows} that one table can have: split it.`,
    );
  if (body.every(({ cells }) => cells.length < 2))
    throw new NotATable('No line has two columns: put a comma between home and away.');
  const width = Math.max(...body.map(({ cells }) => cells.length));
  return {
    header: named ? first.cells : ['home', 'away', 'league', 'kickoff'].slice(0, width),
    rows: body.map(({ line, cells }) => ({
      line,
      cells,
      home: cells[at.home] ?? '',
      away: cells[at.away] ?? '',
      league: cells[at.league] ?? '',
      kickoff: cells[at.kickoff] ?? '',
    })),
  };
}

function readCells(text: string): { line: number; cells: string[] }[] {
  const firstLine = text.split('\n', 1)[0] ?? '';
  const separator = ['\t', ';', ','].find((one) => firstLine.includes(one)) ?? ',';
  const rows: { line: number; cells: string[] }[] = [];
  let cells: string[] = [];
  let cell = '';
  let quoted = false;
  let line = 1;
  let startedAt = 1;
  const endCell = (): void => {
    cells.push(cell.trim());
    cell = '';
  };
  const endRow = (): void => {
    endCell();
    rows.push({ line: startedAt, cells });
    cells = [];
  };
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === '\n') line++;
    if (quoted) {
      if (character !== '"') cell += character;
      else if (text[i + 1] === '"') {
        cell += '"';
        i++;
      } else quoted = false;
    } else if (character === '"' && cell.trim() === '') {
      cell = '';
      quoted = true;
    } else if (character === separator) endCell();
    else if (character === '\n') {
      endRow();
      startedAt = line;
    } else if (character !== '\r') cell += character;
  }
  if (cell !== '' || cells.length > 0) endRow();
  return rows;
}

/** Writes lines as CSV. A cell that a spreadsheet would take for a formula gets an apostrophe in front. */
export function writeCsv(lines: readonly (readonly string[])[]): string {
  const write = (cell: string): string => {
    const safe = /^[=+\-@\t\r]/.test(cell) && !/^-?[\d.]+$/.test(cell) ? `'${cell}` : cell;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return lines.map((cells) => `${cells.map(write).join(',')}\r\n`).join('');
}
