import { type MarginView, readMargin } from "../../src/sdk/margin.ts";
import { type AccountView, type CashMovement, depositCash, readAccount, withdrawCash } from "../../src/sdk/trader.ts";
import { parseAmount } from "../parse.ts";
import type { Session } from "../session.ts";
import { type AccountOption, subOf } from "./trade.ts";

export interface AccountResult extends AccountView {
  /** Null for the wallet, which has none. */
  readonly margin: MarginView | null;
  /** Whether the text shows every scenario; JSON always has them. */
  readonly scenarios: boolean;
}

export interface ShowOptions extends AccountOption {
  readonly scenarios?: boolean;
}

/** `account show`: cash, collateral, margin. Account 0 is the wallet. */
export async function show(session: Session, options: ShowOptions): Promise<AccountResult> {
  const connection = await session.connection();
  const [owner, sub] = [session.owner(), subOf({ account: options.account ?? "1" })];
  const [view, margin] = await Promise.all([
    readAccount(connection, owner, sub),
    sub === 0 ? null : readMargin(connection, owner, sub),
  ]);
  return { ...view, margin, scenarios: options.scenarios ?? false };
}

export interface CashOutcome extends CashMovement {
  readonly direction: "in" | "out";
  readonly quoteSymbol: string;
}

/** `account deposit AMOUNT`: cash into a margin account. */
export async function deposit(session: Session, amount: string, options: AccountOption): Promise<CashOutcome> {
  const { deployment } = await session.connection();
  const { quoteDecimals, quoteSymbol } = deployment;
  const cash = parseAmount(amount, quoteDecimals, quoteSymbol);
  const sub = subOf({ account: options.account ?? "1" });
  return { direction: "in", quoteSymbol, ...(await depositCash(await session.sender(), sub, cash)) };
}

/** `account withdraw AMOUNT|all`: cash back to the wallet, as far as margin allows. */
export async function withdraw(session: Session, amount: string, options: AccountOption): Promise<CashOutcome> {
  const { deployment } = await session.connection();
  const { quoteDecimals, quoteSymbol } = deployment;
  const cash = amount === "all" ? amount : parseAmount(amount, quoteDecimals, quoteSymbol);
  const sub = subOf({ account: options.account ?? "1" });
  return { direction: "out", quoteSymbol, ...(await withdrawCash(await session.sender(), sub, cash)) };
}
