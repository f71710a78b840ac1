import { type PeriodFlows, type StatementPart, type StatementRow, statementParts } from "../../src/sdk/statement.ts";
import type { Simulation, SimulationPart, StatementResult } from "../commands/statement.ts";
import { byGain, dim } from "./colour.ts";
import { addingUp, amount, day, percent, signed, time } from "./format.ts";
import { partName, sharePriceChart } from "./statementCharts.ts";
import { facts, heading, table } from "./table.ts";
import { terminalChart } from "./terminalChart.ts";

const SHARE_DECIMALS = 6;
const DAY = 86_400;

/** Causes that every statement names; the others only where they moved something. */
const alwaysShown: ReadonlySet<string> = new Set<StatementPart>([
  "premium",
  "spread",
  "impact",
  "fees",
  "delta",
  "gamma",
  "theta",
  "vega",
  "hedging",
]);

/** Causes and their sums, each column in cents that add up to its last line. */
function causes<TPart extends string>(
  parts: readonly TPart[],
  columns: readonly {
    readonly title: string;
    readonly parts: Readonly<Record<TPart, number>>;
    readonly residual: number;
    readonly change: number;
  }[],
  last: string,
): string {
  const rounded = columns.map((column) =>
    addingUp([...parts.map((part) => column.parts[part]), column.residual], column.change),
  );
  const sums = rounded.map((cents) => cents.reduce((sum, value) => sum + value, 0));
  const cells = (values: readonly number[]) => values.map((value) => byGain(Number(value.toFixed(2)), signed(value)));
  const rows = [...parts.map(partName), "unexplained"].flatMap((name, i) => {
    const values = rounded.map((column) => column[i] ?? 0);
    return alwaysShown.has(name) || values.some((value) => value !== 0) ? [[dim(name), ...cells(values)]] : [];
  });
  return table(
    [{ title: "why it changed", align: "left" }, ...columns.map(({ title }) => ({ title }))],
    [...rows, [dim(last), ...cells(sums)]],
  );
}

/** `statement`. */
export function renderStatement({ pool, period, statement, history, file }: StatementResult): string {
  const { quoteSymbol } = pool;
  const whose = statement ? `Statement of ${statement.address}, pool ${pool.name}` : `Statement of pool ${pool.name}`;
  const at = pool.markedAt === undefined ? "" : `, marked at ${time(pool.markedAt)}`;
  const from = period.from === null ? "the beginning" : time(period.from);
  const to = period.to === null ? "now" : time(period.to);
  const columns = [
    ...(statement ? [{ title: "yours", ...statement, closing: statement.value.mid }] : []),
    { title: statement ? "the pool" : quoteSymbol, ...pool, closing: pool.nav, pending: 0 },
  ];
  const line = (name: string, pick: (column: (typeof columns)[number]) => number) => [
    dim(name),
    ...columns.map((column) => amount(pick(column))),
  ];
  return [
    heading(whose),
    dim(`from ${from} to ${to}, blocks ${period.fromBlock} to ${period.toBlock}${at}; ${quoteSymbol}`),
    "",
    table(
      [{ title: "", align: "left" }, ...columns.map(({ title }) => ({ title }))],
      [
        line("value at the start", ({ opening }) => opening),
        line("deposited", ({ deposited }) => deposited),
        line("withdrawn", ({ withdrawn }) => withdrawn),
        ...(statement && statement.pending > 0 ? [line("on its way", ({ pending }) => pending)] : []),
        line("value at mid", ({ closing }) => closing),
      ],
    ),
    ...(statement
      ? [dim(`leaving now pays ${amount(statement.value.bid)}, entering costs ${amount(statement.value.ask)}`)]
      : []),
    "",
    causes(
      statementParts,
      columns.map((column) => ({ ...column, change: shownChange(column) })),
      "change of wealth",
    ),
    ...(history ? ["", renderHistory(history, quoteSymbol)] : []),
    ...(file === null ? [] : ["", `Drawn in ${file}.`]),
  ].join("\n");
}

/** The change as the cents above it say it. */
function shownChange(
  column: PeriodFlows & { readonly opening: number; readonly closing: number; readonly pending: number },
): number {
  const cents = (value: number) => Number(value.toFixed(2));
  const { opening, deposited, withdrawn, pending, closing } = column;
  return cents(closing) + cents(pending) + cents(withdrawn) - cents(deposited) - cents(opening);
}

/** What belongs together, so that a row fits a terminal; the columns add up to the change. */
const groups: readonly (readonly [title: string, parts: readonly StatementPart[]])[] = [
  ["quoting", ["premium", "spread", "impact", "fees"]],
  ["delta, gamma", ["delta", "gamma", "higherOrder"]],
  ["theta", ["theta"]],
  ["vega", ["vega"]],
  ["hedging, marks", ["hedging", "keepers"]],
  ["the rest", ["insurance", "shortfall", "backstop", "gifts", "rounding", "entryAndExit"]],
];

function renderHistory(rows: readonly StatementRow[], quoteSymbol: string): string {
  if (rows.length === 0) return "The pool was not marked in this period.";
  const byDay = rows.every((row) => row.time % DAY === 0);
  const ofLp = rows.some(({ lp }) => lp !== null);
  return [
    heading(`By ${byDay ? "day" : "mark"}, ${ofLp ? "yours" : "the pool"}, ${quoteSymbol}`),
    table(
      [
        { title: byDay ? "day" : "marked at", align: "left" },
        { title: "share price" },
        { title: "value" },
        { title: "change" },
        ...groups.map(([title]) => ({ title })),
      ],
      rows.map(({ time: at, sharePrice, nav, pool, lp }) => {
        const { parts } = ofLp ? (lp ?? { parts: undefined }) : pool;
        const sums = addingUp(groups.map(([, names]) => names.reduce((sum, name) => sum + (parts?.[name] ?? 0), 0)));
        const change = sums.reduce((sum, value) => sum + value, 0);
        return [
          byDay ? day(at) : time(at).slice(0, 16),
          amount(sharePrice, SHARE_DECIMALS),
          amount(ofLp ? (lp?.value ?? 0) : nav),
          byGain(Number(change.toFixed(2)), signed(change)),
          ...sums.map((value) => signed(value)),
        ];
      }),
    ),
  ].join("\n");
}

/** `simulate`. */
export function renderSimulation(simulation: Simulation): string {
  const { pool, quoteSymbol, entry, drawdown, rows } = simulation;
  const parts: readonly SimulationPart[] = [...statementParts, "leaving"];
  const fall =
    drawdown.share === 0
      ? "never below a height before"
      : `${percent(drawdown.share, 2)}, from ${day(drawdown.from)} to ${day(drawdown.to)}`;
  return [
    heading(`If you had deposited ${amount(simulation.amount)} ${quoteSymbol} in pool ${pool}`),
    dim(
      `priced ${time(entry.time)} (round ${entry.round}), until ${time(simulation.until)}: ${amount(simulation.days, 1)} days. As if too small to change what the pool did.`,
    ),
    "",
    facts([
      ["shares bought", amount(entry.shares, SHARE_DECIMALS), `at ${amount(entry.price, SHARE_DECIMALS)}`],
      ["worth now, at mid", amount(simulation.value), `${amount(simulation.sharePrice.mid, SHARE_DECIMALS)} a share`],
      [
        "leaving now would pay",
        amount(simulation.valueLeaving),
        `${amount(simulation.sharePrice.bid, SHARE_DECIMALS)} a share`,
      ],
      ["profit", signed(simulation.profit), percent(simulation.profit / simulation.amount, 2)],
      ["deepest fall", amount(drawdown.amount), fall],
    ]),
    "",
    causes(
      parts,
      [{ title: quoteSymbol, parts: simulation.parts, residual: 0, change: simulation.profit }],
      "profit if you left now",
    ),
    ...(rows.length > 1 ? ["", terminalChart(sharePriceChart(rows, pool, quoteSymbol))] : []),
    ...(simulation.file === null ? [] : ["", `Drawn in ${simulation.file}.`]),
  ].join("\n");
}
