import { getAddress } from "viem";
import { MeniscusError } from "../../src/runtime/errors.ts";
import { chainTime, inWords, type Pool } from "../../src/sdk/client.ts";
import {
  daily,
  type Entry,
  type LpStatement,
  type PoolStatement,
  type StatementPart,
  type StatementRow,
  stateFrom,
} from "../../src/sdk/statement.ts";
import { day } from "../output/format.ts";
import { requirePicture, writePicture } from "../output/picture.ts";
import { simulationCharts, statementCharts } from "../output/statementCharts.ts";
import { type Period, parseAmount, parsePeriod } from "../parse.ts";
import type { Session } from "../session.ts";

export interface StatementCommand {
  readonly from?: string;
  readonly to?: string;
  readonly last?: string;
  /** `mark` or `day`. */
  readonly history?: string;
  readonly whole?: boolean;
  readonly out?: string;
}

export interface StatementResult {
  readonly pool: PoolStatement["pool"];
  readonly period: PoolStatement["period"] & { readonly from: number | null; readonly to: number | null };
  /** Null where the pool as a whole was asked for. */
  readonly statement: LpStatement | null;
  /** Null where no history was asked for. */
  readonly history: readonly StatementRow[] | null;
  readonly file: string | null;
}

/** `statement`: what one LP and the pool gained in a period and why, in parts that add up. */
export async function statement(session: Session, options: StatementCommand): Promise<StatementResult> {
  const { out, history: by } = options;
  if (out !== undefined) requirePicture(out);
  if (by !== undefined && by !== "mark" && by !== "day") {
    throw new MeniscusError("usage", `"${by}" is no step of a history.`, {
      hint: "Write --history mark or --history day.",
    });
  }
  const pool = await session.pool();
  const owner = options.whole === true ? undefined : getAddress(session.owner());
  const period = parsePeriod(options, await now(session));
  const {
    pool: whole,
    period: blocks,
    lps,
    rows,
  } = await stateOf(
    session,
    pool,
    period,
    by === undefined && out === undefined ? {} : { rows: owner === undefined ? {} : { of: owner } },
  );
  const own = lps.find(({ address }) => address === owner);
  if (owner !== undefined && !own) {
    throw new MeniscusError("funds", `${owner} had no part in pool ${pool.name}${until(period)}.`, {
      hint: "Deposit first with `meniscus deposit AMOUNT`, name another with --as, or state the pool with --whole.",
    });
  }
  const result: StatementResult = {
    pool: whole,
    period: { ...blocks, from: period.from ?? null, to: period.to ?? null },
    statement: own ?? null,
    history: by === undefined ? null : by === "day" ? daily(rows) : rows,
    file: out ?? null,
  };
  if (out !== undefined) writePicture(out, ...statementCharts(result, drawable(rows, pool)));
  return result;
}

export interface SimulateCommand extends Pick<StatementCommand, "from" | "out"> {}

/** The part that leaving now would cost, beside those of a statement. */
export type SimulationPart = StatementPart | "leaving";

/** A deposit on some day, as if it had been made; quote tokens. */
export interface Simulation {
  readonly pool: string;
  readonly quoteSymbol: string;
  readonly amount: number;
  readonly entry: Entry;
  /** Model time of the last mark, Unix seconds. */
  readonly until: number;
  readonly days: number;
  readonly sharePrice: { readonly mid: number; readonly bid: number };
  /** Worth of the shares at mid, and what leaving now would pay. */
  readonly value: number;
  readonly valueLeaving: number;
  /** `valueLeaving` less the deposit, by its causes, which add up. */
  readonly profit: number;
  readonly parts: Readonly<Record<SimulationPart, number>>;
  readonly drawdown: Drawdown;
  readonly rows: readonly StatementRow[];
  readonly file: string | null;
}

/** The deepest fall of the share price from a height before it; Unix seconds. */
export interface Drawdown {
  /** Of the height. */
  readonly share: number;
  /** Of the deposit's worth, quote tokens. */
  readonly amount: number;
  readonly from: number;
  readonly to: number;
}

/** Holds the imagined shares: nobody has its key. */
const NOBODY = getAddress("0x0000000000000000000000000000000000000001");
const DEFAULT_AMOUNT = "10000";

/** `simulate --from DATE [AMOUNT]`: what a deposit would have brought, from what the pool did. */
export async function simulate(
  session: Session,
  amount: string | undefined,
  { from, out }: SimulateCommand,
): Promise<Simulation> {
  if (from === undefined) {
    throw new MeniscusError("usage", "From which day?", { hint: "Write `meniscus simulate --from 2026-02-01 10000`." });
  }
  if (out !== undefined) requirePicture(out);
  const requestedAt = parsePeriod({ from }, 0).from ?? 0;
  const { deployment } = await session.connection();
  const assets = parseAmount(amount ?? DEFAULT_AMOUNT, deployment.quoteDecimals, deployment.quoteSymbol);
  const pool = await session.pool();
  const { imagined, lps, rows } = await stateOf(
    session,
    pool,
    { from: undefined, to: undefined },
    {
      imagine: { owner: NOBODY, assets, requestedAt },
      rows: { of: NOBODY },
    },
  );
  const own = lps.find(({ address }) => address === NOBODY);
  const held = rows.filter(({ block }) => imagined !== null && block >= imagined.block);
  const last = held.at(-1);
  if (!imagined || !own || !last?.lp) {
    throw new MeniscusError("market", `Pool ${pool.name} was not marked with shares after ${day(requestedAt)}.`, {
      hint: "Choose an earlier day; `meniscus statement --whole --history day` lists them.",
    });
  }
  const leaving = last.lp.valueLeaving - own.value.mid;
  const result: Simulation = {
    pool: pool.name,
    quoteSymbol: deployment.quoteSymbol,
    amount: own.deposited,
    entry: imagined,
    until: last.time,
    days: (last.time - imagined.time) / 86_400,
    sharePrice: { mid: last.sharePrice, bid: last.bid },
    value: own.value.mid,
    valueLeaving: last.lp.valueLeaving,
    profit: own.change + leaving,
    parts: { ...own.parts, leaving },
    drawdown: drawdownOf(held, imagined.shares),
    rows: held,
    file: out ?? null,
  };
  if (out !== undefined) writePicture(out, ...simulationCharts(result, drawable(held, pool)));
  return result;
}

async function now(session: Session): Promise<number> {
  const connection = await session.connection();
  return await inWords(connection, () => chainTime(connection));
}

async function stateOf(
  session: Session,
  pool: Pool,
  { from, to }: Period,
  options: Parameters<typeof stateFrom>[2],
): Promise<PoolStatement> {
  const { deployment } = await session.connection();
  const history = await session.history();
  return stateFrom(history.events, deployment, {
    pool: pool.name,
    toBlock: history.readUntil - 1n,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...options,
  });
}

const until = ({ to }: Period): string => (to === undefined ? "" : ` before ${new Date(to * 1000).toISOString()}`);

/** Marks that a picture shows one by one; of more it shows days. */
const MOST_POINTS = 600;

function drawable(rows: readonly StatementRow[], pool: Pool): readonly StatementRow[] {
  const shown = rows.length > MOST_POINTS ? daily(rows) : rows;
  if (shown.length > 0) return shown;
  throw new MeniscusError("market", `Pool ${pool.name} was not marked in this period: there is nothing to draw.`, {
    hint: "Choose a longer one, or `meniscus mark`.",
  });
}

function drawdownOf(rows: readonly StatementRow[], shares: number): Drawdown {
  let peak = rows[0]!;
  let worst: Drawdown = { share: 0, amount: 0, from: peak.time, to: peak.time };
  for (const row of rows) {
    if (row.sharePrice > peak.sharePrice) peak = row;
    const fall = peak.sharePrice - row.sharePrice;
    const share = peak.sharePrice === 0 ? 0 : fall / peak.sharePrice;
    if (share > worst.share) worst = { share, amount: fall * shares, from: peak.time, to: row.time };
  }
  return worst;
}
