import { expiryName } from "../../src/chain/optionId.ts";
import type { ExpiryChain, OptionQuote } from "../../src/sdk/optionChain.ts";
import type { SwapQuote } from "../../src/sdk/trader.ts";
import type { AccountResult, CashOutcome } from "../commands/account.ts";
import type { ChainResult, PositionList, RedemptionOutcome, SubmitOutcome, TradeOutcome } from "../commands/trade.ts";
import { bold, byGain, dim } from "./colour.ts";
import { amount, contracts, duration, orDash, percent, shortHex, signed } from "./format.ts";
import { renderMargin } from "./margin.ts";
import { facts, heading, table } from "./table.ts";
import { terminalChart } from "./terminalChart.ts";

const accountName = (account: number): string => (account === 0 ? "the wallet" : `margin account ${account}`);

/** `chain`. */
export function renderChain({ pool, symbol, quoteSymbol, expiries }: ChainResult): string {
  if (expiries.length === 0) return `Pool ${pool} lists no expiry at the moment.`;
  const title = heading(`${symbol} options, pool ${pool}, ${quoteSymbol} for one contract`);
  return [title, ...expiries.map((expiry) => renderExpiry(expiry))].join("\n\n");
}

function renderExpiry({ expiry, days, forward, volatility, fresh, rows }: ExpiryChain): string {
  const head = `${bold(expiry)}  ${amount(days, 1)} days, forward ${amount(forward)}, at the money ${percent(volatility)}`;
  const side = ({ bid, ask, volatility: iv, delta }: OptionQuote) => [
    orDash(bid, amount),
    orDash(ask, amount),
    percent(iv),
    amount(delta),
  ];
  const columns = ["bid", "ask", "IV", "delta"].map((title) => ({ title }));
  const drawn = table(
    [
      ...columns.map(({ title }) => ({ title: title === "bid" ? "call bid" : title })),
      { title: "strike" },
      ...columns.map(({ title }) => ({ title: title === "bid" ? "put bid" : title })),
    ],
    rows.map(({ strike, call, put }) => [...side(call), bold(contracts(strike)), ...side(put)]),
  );
  const reasons = refusals(rows.flatMap(({ call, put }) => [call, put]));
  return [head, drawn, ...(fresh ? [] : [dim("The last slice was refused: the pool only closes.")]), ...reasons].join(
    "\n",
  );
}

/** Why some options have no price: each reason once, where all of an expiry share it. */
function refusals(quotes: readonly OptionQuote[]): readonly string[] {
  const reasons = new Set(quotes.flatMap(({ refused }) => (refused === null ? [] : [refused])));
  if (reasons.size === 0) return [];
  const [first] = reasons;
  return [
    dim(reasons.size === 1 ? `– ${first}` : "– not quoted: outside what the pool trades; `meniscus quote` says why."),
  ];
}

/** `quote`. */
export function renderQuote(quote: SwapQuote): string {
  const { quoteSymbol, cash, legs, margin } = quote;
  const payOrGet = cash >= 0 ? "you pay" : "you receive";
  const count = Math.abs(legs.length === 1 ? (legs[0]?.contracts ?? 1) : 1);
  const rows: (readonly [string, string, string?])[] = [
    ["premium at mid", signed(quote.premium), quoteSymbol],
    ["impact", signed(quote.impact), quote.impact < 0 ? "paid back to you" : ""],
    ["spread", signed(quote.spread)],
    ["fee", signed(quote.fee)],
    [
      payOrGet,
      amount(Math.abs(cash)),
      `${quoteSymbol}${count === 1 ? "" : `, ${amount(Math.abs(cash) / count)} each`}`,
    ],
    ["delta", signed(quote.delta, 3)],
    ["vega", signed(quote.vega), `${quoteSymbol} per volatility point`],
  ];
  if (margin) {
    rows.push(
      ["equity", amount(margin.after.equity), `before ${amount(margin.before.equity)}`],
      ["margin left", amount(margin.after.worst), `before ${amount(margin.before.worst)}`],
    );
  }
  return [
    heading(`${legs.length === 1 ? "Swap" : "Package"} with pool ${quote.pool}, ${accountName(quote.account)}`),
    table(
      [{ title: "size" }, { title: "option", align: "left" }, { title: "mid" }, { title: "IV" }, { title: "delta" }],
      legs.map((leg) => [
        `${leg.contracts > 0 ? "+" : ""}${contracts(leg.contracts)}`,
        leg.name,
        amount(leg.mid),
        percent(leg.volatility),
        amount(leg.delta, 3),
      ]),
    ),
    "",
    facts(rows),
    "",
    payoffChart(quote),
    dim(
      `spot ${amount(quote.spot)}, ${duration(quote.spotAge)} old${quote.reduces ? "; reduces the pool's position" : ""}`,
    ),
  ].join("\n");
}

/** Profit by the spot at the first expiry, with what a trader asks of it first. */
function payoffChart({ payoff, legs, quoteSymbol }: SwapQuote): string {
  const { at, points, breakEvens, most, least } = payoff;
  const later = legs.some(({ name }) => !name.includes(`-${expiryName(at)}-`));
  const limits = [
    breakEvens.length === 0 ? "no break-even" : `break-even at ${breakEvens.map((x) => amount(x)).join(" and ")}`,
    most === null ? "profit unlimited" : `most ${signed(most)}`,
    least === null ? "loss unlimited" : `least ${signed(least)}`,
  ];
  return terminalChart({
    title: `Profit on ${expiryName(at)} by the spot then`,
    subtitle: `${limits.join("; ")}${later ? "; later expiries at today's volatility" : ""}`,
    xTitle: "spot",
    yTitle: quoteSymbol,
    xScale: "linear",
    series: [{ name: "profit", points: points.map(({ spot: x, profit: y }) => ({ x, y })) }],
    formatX: (x) => amount(x, 0),
    formatY: (y) => amount(y, Math.abs(y) < 100 ? 2 : 0),
  });
}

/** A quote with the limit under which it will be sent. */
export function renderPreview(quote: SwapQuote, limit: number): string {
  const bound = limit >= 0 ? `at most ${amount(limit)} is paid` : `at least ${amount(-limit)} is received`;
  return `${renderQuote(quote)}\nLimit: ${bound}, or nothing is done.`;
}

/** `buy`, `sell`, `close`. */
export function renderTrade(outcome: TradeOutcome): string {
  return renderSwap(outcome, accountName(outcome.account));
}

/** `submit`. */
export function renderSubmit(outcome: SubmitOutcome): string {
  return renderSwap(outcome, `${accountName(outcome.account)} of ${outcome.owner}`);
}

function renderSwap(outcome: TradeOutcome | SubmitOutcome, who: string): string {
  const legs = outcome.legs
    .map(({ name, contracts: size }) => `${size > 0 ? "+" : ""}${contracts(size)} ${name}`)
    .join("  ");
  const flow = outcome.cash >= 0 ? `paid ${amount(outcome.cash)}` : `received ${amount(-outcome.cash)}`;
  return [
    `${bold(legs)}  ${flow} ${outcome.quoteSymbol} (fee ${amount(outcome.fee)}), ${who}`,
    dim(`transaction ${outcome.hash}, block ${outcome.blockNumber}, gas ${amount(outcome.gasUsed, 0)}`),
  ].join("\n");
}

/** Options that are held no more and shown one by one. */
const LATEST = 12;

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** `positions`. */
export function renderPositions(list: PositionList): string {
  const of = `${accountName(list.account)} of ${list.owner}`;
  const { positions, closed, quoteSymbol } = list;
  if (positions.length === 0 && closed.length === 0) return `No options in ${of}.`;
  const gain = (value: number | null) => orDash(value, (known) => byGain(Number(known.toFixed(2)), signed(known)));
  const cells = (row: {
    readonly cost: number | null;
    readonly value: number | null;
    readonly unrealised: number | null;
    readonly delta: number | null;
    readonly vega: number | null;
  }) => [
    orDash(row.cost, amount),
    orDash(row.value, amount),
    gain(row.unrealised),
    orDash(row.delta, (value) => signed(value, 3)),
    orDash(row.vega, (value) => signed(value)),
  ];
  const open = [
    heading(`Options in ${of}, ${quoteSymbol}`),
    table(
      [
        { title: "option", align: "left" },
        { title: "contracts" },
        { title: "mid" },
        { title: "IV" },
        { title: "cost" },
        { title: "value" },
        { title: "profit" },
        { title: "delta" },
        { title: "vega" },
        { title: "", align: "left" },
      ],
      [
        ...positions.map((row) => [
          row.name,
          contracts(row.contracts),
          orDash(row.price, amount),
          orDash(row.volatility, percent),
          ...cells(row),
          row.state === "live" ? "" : stateWords[row.state],
        ]),
        [bold("total"), "", "", "", ...cells(list), ""],
      ],
    ),
  ];
  const [earlier, latest] = [closed.slice(0, -LATEST), closed.slice(-LATEST)];
  const gone = [
    heading(`Closed and expired, ${quoteSymbol}`),
    table(
      [{ title: "option", align: "left" }, { title: "paid at expiry" }, { title: "profit" }],
      [
        ...(earlier.length > 0
          ? [[dim(`${earlier.length} earlier (--csv, --json)`), "", gain(sumOf(earlier.map((row) => row.realised)))]]
          : []),
        ...latest.map(({ name, payoff, realised }) => [name, orDash(payoff, (value) => signed(value)), gain(realised)]),
      ],
    ),
  ];
  return [
    ...(positions.length > 0 ? [...open, ""] : []),
    ...(closed.length > 0 ? [...gone, ""] : []),
    facts([
      ["profit of what is held", signed(list.unrealised), "value at mid less cost"],
      ["profit of what is gone", signed(list.realised), "closed and expired"],
      ...(list.shortfall > 0 ? [["not paid at settlement", signed(-list.shortfall)] as const] : []),
      ["profit", gain(list.profit), quoteSymbol],
    ]),
    ...(positions.some(({ cost }) => cost === null)
      ? [dim("–: the cost is not known, as of options that were bought in a liquidation auction.")]
      : []),
  ].join("\n");
}

const stateWords = {
  live: "live",
  expired: "expired, waits for its settlement price",
  settling: "being settled",
  final: "settled: `meniscus redeem`",
} as const;

/** `redeem`. */
export function renderRedemption(outcome: RedemptionOutcome): string {
  const where = outcome.account === 0 ? "into the wallet" : `into the cash of margin account ${outcome.account}`;
  const lines = [
    outcome.paid > 0
      ? `Paid ${amount(outcome.paid)} ${outcome.quoteSymbol} ${where}.`
      : outcome.redeemed.length > 0
        ? "The options expired worthless; they are gone from the wallet."
        : "Nothing settled is there to redeem.",
    ...outcome.redeemed.map(({ name, contracts: size, payoff }) => {
      const what = size === 0 ? name : `${contracts(size)} ${name}`;
      return `  ${what}: ${orDash(payoff, amount)} ${outcome.quoteSymbol}`;
    }),
    ...outcome.waiting.map(({ name, state }) => `  ${name}: ${stateWords[state]}`),
    ...(outcome.hashes.length > 0 ? [dim(`transactions ${outcome.hashes.map(shortHex).join(", ")}`)] : []),
  ];
  return lines.join("\n");
}

/** `account show`. */
export function renderAccount(account: AccountResult): string {
  const { quoteSymbol } = account;
  const margin = (value: number) => byGain(value < 0 ? -1 : 0, amount(value));
  return [
    heading(`${accountName(account.account)} of ${account.owner}`),
    facts([
      ["cash in the ledger", amount(account.cash), quoteSymbol],
      ...account.base.map(({ symbol, amount: held }) => [`collateral`, amount(held, 4), symbol] as const),
      ...(account.debt > 0 ? [["debt", amount(account.debt), quoteSymbol] as const] : []),
      ["options", String(account.positions), "`meniscus positions`"],
      ...(account.account === 0
        ? []
        : ([
            ["equity", amount(account.equity), quoteSymbol],
            ["left above initial margin", margin(account.worst), quoteSymbol],
            ["left above maintenance margin", margin(account.maintenance), quoteSymbol],
          ] as const)),
      ["tokens in the wallet", amount(account.walletBalance), quoteSymbol],
    ]),
    ...(account.margin ? renderMargin(account.margin, account.scenarios) : []),
  ].join("\n");
}

/** `account deposit` and `account withdraw`. */
export function renderCash({ direction, amount: moved, quoteSymbol, account, hash }: CashOutcome): string {
  const sentence =
    direction === "in"
      ? `Paid ${amount(moved)} ${quoteSymbol} into ${accountName(account)}.`
      : `Took ${amount(moved)} ${quoteSymbol} out of ${accountName(account)}.`;
  return `${sentence}  ${dim(shortHex(hash))}`;
}
