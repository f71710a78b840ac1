import type { ClaimResult, LpPosition, PoolView, RequestView } from "../../src/sdk/lp.ts";
import type { Exposure } from "../../src/sdk/poolExposure.ts";
import type {
  AdvanceOutcome,
  CancelOutcome,
  ClaimOutcome,
  RequestList,
  RequestOutcome,
  RequestPreview,
} from "../commands/lp.ts";
import type { MarkResult, ShowResult } from "../commands/pools.ts";
import { bold, byGain, dim } from "./colour.ts";
import { amount, contracts, duration, percent, shortHex, signed, time } from "./format.ts";
import { facts, heading, table } from "./table.ts";

const SHARE_DECIMALS = 6;

/** `pools`. */
export function renderPools(pools: readonly PoolView[]): string {
  return pools
    .map((pool) => {
      const { oracle } = pool;
      const money = (value: number) => amount(value);
      const reported = oracle.round === 0 ? "no report yet" : `${duration(oracle.surfaceAge)} old`;
      return [
        heading(`Pool ${pool.name} · ${pool.symbol} options, quoted in ${pool.quoteSymbol}`),
        facts([
          ["net asset value", money(pool.nav), pool.quoteSymbol],
          ["shares", amount(pool.shares)],
          ["share price, leaving", amount(pool.sharePrice.bid, SHARE_DECIMALS), `${pool.quoteSymbol}, bid`],
          ["share price, mid", amount(pool.sharePrice.mid, SHARE_DECIMALS), pool.quoteSymbol],
          ["share price, entering", amount(pool.sharePrice.ask, SHARE_DECIMALS), `${pool.quoteSymbol}, ask`],
          ["margin used", percent(pool.utilisation), `pays out up to ${percent(pool.utilisationLimit, 0)}`],
          ["open contracts", contracts(pool.openContracts), `in ${pool.series} series`],
          ["net short vega", amount(pool.netShortVega), `${pool.quoteSymbol} per volatility point`],
          ["net short delta", amount(pool.netShortDelta, 3), pool.symbol],
          ["impact reserve", money(pool.reserve), pool.quoteSymbol],
          [
            "behind the insurance fund",
            money(pool.backstopCap),
            `${pool.quoteSymbol} at most, ${money(pool.provision)} provided for`,
          ],
          ["spot", money(pool.spot), `${pool.quoteSymbol}, ${duration(oracle.spotAge)} old`],
          ["surface report", String(oracle.round), `${reported}; book marked under ${pool.markedRound}`],
        ]),
        dim(`pool ${pool.optionPool}   shares ${pool.poolShares}`),
      ].join("\n");
    })
    .join("\n\n");
}

/** `pool show`. */
export function renderPool(shown: ShowResult): string {
  const { pool, expiries, total, limits, file } = shown;
  const { quoteSymbol, symbol } = pool;
  const greeks = ({ value, delta, gamma, theta, vega }: Exposure) => [
    amount(value),
    signed(delta, 3),
    signed(gamma, 3),
    signed(theta),
    signed(vega),
  ];
  const book = table(
    [
      { title: "expiry, strike", align: "left" },
      { title: "calls" },
      { title: "puts" },
      { title: "IV" },
      { title: `value, ${quoteSymbol}` },
      { title: "delta" },
      { title: "gamma, 1 %" },
      { title: "theta, a day" },
      { title: "vega, a point" },
    ],
    [
      ...expiries.flatMap((expiry) => [
        [
          bold(`${expiry.name}, ${duration(expiry.days * 86_400)}`),
          "",
          "",
          percent(expiry.volatility),
          ...greeks(expiry),
        ],
        ...expiry.strikes.map((row) => [
          `  ${contracts(row.strike)}`,
          row.calls === 0 ? "" : contracts(row.calls),
          row.puts === 0 ? "" : contracts(row.puts),
          percent(row.volatility),
          ...greeks(row).map(dim),
        ]),
      ]),
      ...(shown.base === 0
        ? []
        : [[bold("hedge"), "", "", "", amount(shown.base * pool.spot), signed(shown.base, 3), "", "", ""]]),
      [bold("total"), "", "", "", ...greeks(total)],
    ],
  );
  return [
    renderPools([pool]),
    "",
    facts([
      ["cash", amount(shown.cash), quoteSymbol],
      ["margin", amount(pool.requirement), `${quoteSymbol} that the book's worst scenario wants`],
      ["free liquidity", amount(shown.freeLiquidity), `${amount(shown.payableAtMark)} of it at the next mark`],
    ]),
    "",
    expiries.length === 0
      ? "The book is empty."
      : [heading("Book, as the pool has it: long positive"), book].join("\n"),
    ...(shown.expired > 0 ? [dim(`${contracts(shown.expired)} contracts have expired and wait for settlement.`)] : []),
    "",
    heading("Limits, beyond which the pool adds no such risk"),
    table(
      [
        { title: "", align: "left" },
        { title: "now" },
        { title: "limit" },
        { title: "", align: "left" },
        { title: "used" },
      ],
      limits.map(({ name, used, limit, unit }) => {
        const decimals = unit === "s" ? 0 : unit.startsWith(symbol) ? 3 : 2;
        const part = limit === 0 ? 0 : Math.abs(used) / limit;
        return [dim(name), amount(used, decimals), amount(limit, decimals), unit, byGain(1 - part, percent(part))];
      }),
    ),
    ...(shown.reduceOnly ? ["The pool only closes: its positions run off."] : []),
    ...(file === null ? [] : ["", `Drawn in ${file}.`]),
  ].join("\n");
}

/** `mark`. */
export function renderMark({ pool, round, hash }: MarkResult): string {
  return `Pool ${pool} is marked under report ${round}.  ${dim(shortHex(hash))}`;
}

/** What a deposit would bring at the last mark; its price is known when it is priced. */
export function renderDepositPreview(pool: PoolView, assets: number, preview: RequestPreview): string {
  const { price, low, high, charge } = preview;
  const range = high - low < 1e-6 ? "" : ` (${amount(low, SHARE_DECIMALS)} at mid)`;
  return [
    `At the last mark ${amount(assets)} ${pool.quoteSymbol} would buy ${amount(high, SHARE_DECIMALS)} shares of pool ${pool.name} at ${amount(price, SHARE_DECIMALS)}${range}.`,
    `Leaving at the same mark would bring ${amount(assets * (1 - charge))} ${pool.quoteSymbol}: a charge of ${percent(charge, 2)}, for unwinding and the impact reserve.`,
    ...renderTerms(preview),
  ].join("\n");
}

/** What a redemption would bring at the last mark. */
export function renderWithdrawalPreview(pool: PoolView, shares: number, preview: RequestPreview): string {
  const { low, high, charge, payable } = preview;
  const liquid =
    payable === null || payable >= low
      ? "The pool could pay all of it now."
      : `The pool could pay ${amount(payable)} ${pool.quoteSymbol} now; the rest waits, and is priced when it is paid.`;
  return [
    `At the last mark ${amount(shares, SHARE_DECIMALS)} shares of pool ${pool.name} would bring ${amount(low)} ${pool.quoteSymbol}, ${amount(high)} at mid: a charge of ${percent(charge, 2)}, for unwinding and the impact reserve.`,
    liquid,
    ...renderTerms(preview),
  ].join("\n");
}

function renderTerms({ cutOff, reportAge, charge, maxCharge }: RequestPreview): readonly string[] {
  const bound =
    maxCharge === null
      ? []
      : [
          `Where the charge is above ${percent(maxCharge, 1)} it goes back${charge > maxCharge ? ", as it would now" : ""}.`,
        ];
  return [
    `Priced at the first mark under a report of ${time(cutOff)} or later; the last report is ${duration(reportAge)} old. Until then it can be canceled at once.`,
    ...bound,
  ];
}

/** `deposit` and `withdraw`. */
export function renderRequest(outcome: RequestOutcome): string {
  const asked = `${outcome.direction === "deposit" ? "Deposit" : "Withdrawal"} of ${quantity(outcome.asked, outcome.unit)}`;
  const received = outcome.received;
  const parts = received === null ? [] : receivedParts(received, outcome.quoteSymbol);
  const claimed = parts.length > 0 ? ` You received ${parts.join(" and ")}.` : "";
  const state =
    outcome.state === "claimed"
      ? ` is through.${claimed}`
      : ` waits as request ${outcome.requestId}.${claimed} \`meniscus requests\` shows it, \`meniscus claim\` takes it when it is priced, \`meniscus cancel ${outcome.requestId}\` ends it.`;
  return `${asked} in pool ${outcome.pool}${state}  ${dim(shortHex(outcome.hash))}`;
}

const quantity = (value: number, unit: string) => `${amount(value, unit === "shares" ? SHARE_DECIMALS : 2)} ${unit}`;

/** `requests`. */
export function renderRequests({ pool, requests }: RequestList): string {
  if (requests.length === 0) {
    return `No requests are on their way in pool ${pool}. \`meniscus deposit\` and \`meniscus withdraw\` make them.`;
  }
  return [heading(`Requests in pool ${pool}`), requestTable(requests)].join("\n");
}

function requestTable(requests: readonly RequestView[]): string {
  return table(
    [
      { title: "request" },
      { title: "what", align: "left" },
      { title: "asked" },
      { title: "waiting" },
      { title: "claimable" },
      { title: "goes back" },
      { title: "unit", align: "left" },
      { title: "max. charge" },
      { title: "state", align: "left" },
    ],
    requests.map((request) => {
      const { id, direction, asked, pending, claimable, back, unit, maxCharge } = request;
      const count = (value: number) => amount(value, unit === "shares" ? SHARE_DECIMALS : 2);
      const bound = maxCharge === null ? "–" : percent(maxCharge, 1);
      const numbers = [asked, pending, claimable, back].map(count);
      return [String(id), direction, ...numbers, unit, bound, stateOf(request)];
    }),
  );
}

function stateOf({ pending, canceling, cutOff, claimable, back, brings }: RequestView): string {
  if (canceling) return "being canceled";
  if (pending > 0 && (claimable > 0 || brings > 0)) return "partly paid";
  if (pending > 0) return `priced from ${time(cutOff).slice(11, 19)} on`;
  return back > 0 ? "sent back, to be claimed" : "to be claimed";
}

/** `cancel`. */
export function renderCancel(outcome: CancelOutcome): string {
  const { state, requestId, direction, back, unit, received, quoteSymbol, hash, pool } = outcome;
  const parts = received === null ? [] : receivedParts(received, quoteSymbol);
  const brought = parts.length > 0 ? ` You received ${parts.join(" and ")}.` : "";
  const text = {
    canceled: `Request ${requestId} in pool ${pool} is canceled: ${quantity(back, unit)} came back.${brought}`,
    done: `Request ${requestId} in pool ${pool} was through before the cancelation's mark: the ${direction} is done.${brought}`,
    pending: `The cancelation of request ${requestId} in pool ${pool} waits for its mark. \`meniscus requests\` shows it, \`meniscus claim\` takes back what it leaves.`,
  }[state];
  return `${text}  ${dim(shortHex(hash))}`;
}

/** `advance`. */
export function renderAdvance({ pool, assets, quoteSymbol, hash }: AdvanceOutcome): string {
  return `${amount(assets)} ${quoteSymbol} are advanced to those who wait to leave pool ${pool}; \`meniscus claim\` takes one's part.  ${dim(shortHex(hash))}`;
}

function receivedParts({ shares, assets }: ClaimResult, quoteSymbol: string): string[] {
  return [
    ...(shares > 0 ? [`${amount(shares, SHARE_DECIMALS)} shares`] : []),
    ...(assets > 0 ? [`${amount(assets)} ${quoteSymbol}`] : []),
  ];
}

/** `claim`. */
export function renderClaim(outcome: ClaimOutcome): string {
  const { hash, waiting, quoteSymbol, pool } = outcome;
  const still = waiting.length > 0 ? `\n${requestTable(waiting)}` : "";
  if (hash === null) return `Nothing is claimable in pool ${pool}.${still}`;
  return `Claimed ${receivedParts(outcome, quoteSymbol).join(" and ")}.  ${dim(shortHex(hash))}${still}`;
}

/** `position`. */
export function renderPosition(position: LpPosition): string {
  const { value, profit, sharePrice, quoteSymbol } = position;
  const prices = (title: string, row: LpPosition["value"], format: (value: number) => string) => [
    dim(title),
    format(row.bid),
    format(row.mid),
    format(row.ask),
  ];
  const share = (value_: number) => amount(value_, SHARE_DECIMALS);
  const gain = (value_: number) => byGain(value_, signed(value_));
  return [
    heading(`Position of ${position.owner} in pool ${position.pool}`),
    table(
      [{ title: "", align: "left" }, { title: "bid" }, { title: "mid" }, { title: "ask" }],
      [
        prices(`share price, ${quoteSymbol}`, sharePrice, share),
        prices(`value, ${quoteSymbol}`, value, (value_) => amount(value_)),
        prices(`profit, ${quoteSymbol}`, profit, gain),
      ],
    ),
    "",
    facts([
      ["shares", amount(position.shares, SHARE_DECIMALS)],
      ...optional("claimable", position.claimableShares, "shares, `meniscus claim`", SHARE_DECIMALS),
      ...optional("leaving", position.leavingShares, "shares that wait to be paid", SHARE_DECIMALS),
      ...optional("deposits that wait", position.pendingDeposits, quoteSymbol),
      ...optional("claimable", position.claimableAssets, `${quoteSymbol}, \`meniscus claim\``),
      ["deposited", amount(position.deposited), quoteSymbol],
      ["withdrawn", amount(position.withdrawn), quoteSymbol],
    ]),
  ].join("\n");
}

function optional(name: string, value: number, note: string, decimals = 2): [string, string, string][] {
  return value === 0 ? [] : [[name, amount(value, decimals), note]];
}
