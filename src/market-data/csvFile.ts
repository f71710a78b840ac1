import { createReadStream } from "node:fs";
import { basename, dirname, join } from "node:path";
import { createGunzip } from "node:zlib";
import { MeniscusError } from "../runtime/errors.ts";

/** One line of a CSV file, with the means to say where it is wrong. */
export interface CsvRow {
  /** The field of a column of the header; "" when it is empty. */
  text(column: string): string;
  /** A finite number, or a data error with file and line. */
  number(column: string): number;
  /** The same, undefined when the field is empty. */
  optionalNumber(column: string): number | undefined;
  /** A data error about this line. */
  wrong(what: string): MeniscusError;
}

export interface CsvSelection {
  /** Rows are taken while the first column, a time, lies in [from, to]. Others are passed over unread. */
  readonly from: number;
  readonly to: number;
  readonly columns: readonly string[];
}

/** Reads a CSV file (plain or .gz) as a stream and calls `visit` for the rows of a period. First column: `ts`, Unix seconds. */
export async function readCsv(path: string, selection: CsvSelection, visit: (row: CsvRow) => void): Promise<void> {
  let columns: ReadonlyMap<string, number> | undefined;
  let width = 0;
  await eachLine(path, (line, lineNumber) => {
    const wrong = (what: string) => csvError(path, lineNumber, what);
    if (columns === undefined) {
      const names = line.split(",");
      columns = new Map(names.map((name, i) => [name, i]));
      width = names.length;
      for (const name of ["ts", ...selection.columns]) {
        if (!columns.has(name)) throw wrong(`the header has no column "${name}"`);
      }
      if (names[0] !== "ts") throw wrong('the first column is not "ts"');
      return;
    }
    const time = timeOf(line);
    if (time === undefined) throw wrong(`"${excerpt(line)}" does not begin with a time in Unix seconds`);
    if (time < selection.from || time > selection.to) return;
    const fields = line.split(",");
    if (fields.length !== width) throw wrong(`${fields.length} fields where the header has ${width}`);
    const index = columns;
    const text = (column: string) => fields[index.get(column) ?? -1] ?? "";
    const optionalNumber = (column: string) => {
      const field = text(column);
      if (field === "") return undefined;
      const value = Number(field);
      if (!Number.isFinite(value)) throw wrong(`${column} "${excerpt(field)}" is not a number`);
      return value;
    };
    const number = (column: string) => {
      const value = optionalNumber(column);
      if (value === undefined) throw wrong(`${column} is empty`);
      return value;
    };
    visit({ text, number, optionalNumber, wrong });
  });
  if (columns === undefined) throw csvError(path, 1, "the file is empty");
}

export interface CsvExtent {
  readonly first: number;
  readonly last: number;
  /** How many different times; the rows of one time stand together. */
  readonly times: number;
}

/** The period that a file covers, from its rows. Undefined when it has none. */
export async function csvExtent(path: string): Promise<CsvExtent | undefined> {
  let first = Infinity;
  let last = -Infinity;
  let previous: number | undefined;
  let times = 0;
  await eachLine(path, (line, lineNumber) => {
    if (lineNumber === 1) return;
    const time = timeOf(line);
    if (time === undefined)
      throw csvError(path, lineNumber, `"${excerpt(line)}" does not begin with a time in Unix seconds`);
    if (time !== previous) times++;
    previous = time;
    first = Math.min(first, time);
    last = Math.max(last, time);
  });
  return times === 0 ? undefined : { first, last, times };
}

/** The column names of a file, without reading on. */
export async function csvHeader(path: string): Promise<readonly string[]> {
  let header: readonly string[] = [];
  await eachLine(path, (line) => {
    header = line.split(",");
    return "stop";
  });
  return header;
}

function timeOf(line: string): number | undefined {
  const comma = line.indexOf(",");
  const field = comma === -1 ? line : line.slice(0, comma);
  return /^\d{9,10}$/.test(field) ? Number(field) : undefined;
}

async function eachLine(path: string, visit: (line: string, lineNumber: number) => "stop" | undefined): Promise<void> {
  const file = createReadStream(path);
  const source = path.endsWith(".gz") ? file.pipe(createGunzip()) : file;
  // pipe() does not carry errors over: a file that cannot be read would hang the decompressor.
  if (source !== file) file.on("error", (error) => source.destroy(error));
  source.setEncoding("utf8");
  let lineNumber = 0;
  let rest = "";
  try {
    for await (const chunk of source as AsyncIterable<string>) {
      const text = rest + chunk;
      let start = 0;
      for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
        const line = text.slice(start, text.charCodeAt(end - 1) === 13 ? end - 1 : end);
        start = end + 1;
        if (visit(line, ++lineNumber) === "stop") return;
      }
      rest = text.slice(start);
    }
    if (rest !== "") visit(rest, ++lineNumber);
  } catch (error) {
    if (error instanceof MeniscusError) throw error;
    throw csvError(path, lineNumber + 1, "the file cannot be read on", error);
  } finally {
    file.destroy();
  }
}

/** `options/chain.csv.gz:17: bid "x" is not a number.` */
function csvError(path: string, line: number, what: string, cause?: unknown): MeniscusError {
  const place = join(basename(dirname(path)), basename(path));
  const because = cause instanceof Error ? ` (${cause.message})` : "";
  return new MeniscusError("data", `${place}:${line}: ${what}${because}.`, { cause });
}

function excerpt(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
