import {
  type InsuranceEvent,
  type InsuranceView,
  insuranceHistory,
  readInsurance,
  type StakeResult,
  stakeInsurance,
  type UnstakeResult,
  unstakeInsurance,
} from "../../src/sdk/insurance.ts";
import { readWaterfall, type WaterfallView } from "../../src/sdk/waterfall.ts";
import { parseAmount, parseInteger } from "../parse.ts";
import type { Session } from "../session.ts";

const SHARE_DECIMALS = 18;
const MAX_MARKET_ID = 65_535;

/** `insurance show`: the fund, and your stake where a key or an address is known. */
export async function show(session: Session): Promise<InsuranceView> {
  return await readInsurance(await session.connection(), session.ownerIfKnown());
}

export type StakeOutcome = StakeResult & { readonly quoteSymbol: string };

/** `insurance stake AMOUNT`. */
export async function stake(session: Session, amount: string): Promise<StakeOutcome> {
  const { deployment } = await session.connection();
  const { quoteDecimals, quoteSymbol } = deployment;
  const assets = parseAmount(amount, quoteDecimals, quoteSymbol);
  return { quoteSymbol, ...(await stakeInsurance(await session.sender(), assets)) };
}

export type UnstakeOutcome = UnstakeResult & { readonly quoteSymbol: string };

/** `insurance unstake [SHARES]`: begins the cooldown; once it is over, pays. */
export async function unstake(session: Session, shares: string): Promise<UnstakeOutcome> {
  const { deployment } = await session.connection();
  const wanted = shares === "all" ? shares : parseAmount(shares, SHARE_DECIMALS, "shares");
  return { quoteSymbol: deployment.quoteSymbol, ...(await unstakeInsurance(await session.sender(), wanted)) };
}

export interface InsuranceHistory {
  readonly quoteSymbol: string;
  readonly events: readonly InsuranceEvent[];
}

/** `insurance history`: what came into the fund and what left it. */
export async function history(session: Session): Promise<InsuranceHistory> {
  const connection = await session.connection();
  const { events } = await session.history();
  return { quoteSymbol: connection.deployment.quoteSymbol, events: insuranceHistory(connection, events) };
}

export interface WaterfallOptions {
  readonly market?: string;
}

/** `insurance waterfall`: who would pay how much if a scenario of the margin grid came true now. */
export async function waterfall(session: Session, { market }: WaterfallOptions): Promise<WaterfallView> {
  const marketId = market === undefined ? undefined : parseInteger(market, "market's number", 1, MAX_MARKET_ID);
  return await readWaterfall(await session.connection(), marketId);
}
