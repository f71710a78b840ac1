/** What a drill's chain says of its losses, event by event. */
import { type ContractEventName, erc20Abi } from "viem";
import { clearinghouseAbi, insuranceFundAbi } from "../../../../src/chain/abis.ts";
import { fromStrikeWord, toAccountId } from "../../../../src/chain/optionId.ts";
import type { Cast } from "./cast.ts";
import type { Stage } from "./stage.ts";
import type { DebtorFacts, ExpiryFacts, FundFacts, Holding, LossFacts, SaleFacts } from "./waterfall.ts";

/** Every position of an expiry, read once it has passed and before anybody is settled: nothing changes it any more. */
export async function readHoldings(stage: Stage, cast: Cast, expiry: number): Promise<readonly Holding[]> {
  const isOfExpiry = (option: bigint) => Number((option >> 56n) & 0xffff_ffffn) === expiry;
  const holdings: Holding[] = [];
  const margins = [...cast.writers, ...cast.liquidators].map(({ index, sub }) => stage.account(index, sub));
  for (const account of [...margins, toAccountId(stage.market.pool.optionPool, 1)]) {
    for (const { key, calls, puts } of (await stage.strikes(account)).map(fromStrikeWord)) {
      const [call, put] = [key << 8n, (key << 8n) | 1n];
      if (!isOfExpiry(call)) continue;
      if (calls !== 0n) holdings.push({ account, option: call, size: calls });
      if (puts !== 0n) holdings.push({ account, option: put, size: puts });
    }
  }
  for (const { index } of cast.wallets) {
    const account = stage.account(index, 0);
    for (const option of cast.options.filter(isOfExpiry)) {
      const size = await stage.position(account, option);
      if (size !== 0n) holdings.push({ account, option, size });
    }
  }
  return holdings;
}

/** @param spot The last one, quote tokens. */
export async function readLossFacts(
  stage: Stage,
  cast: Cast,
  holdings: ReadonlyMap<number, readonly Holding[]>,
  spot: number,
): Promise<LossFacts> {
  const expiries: ExpiryFacts[] = [];
  for (const [expiry, held] of holdings) expiries.push(await readExpiry(stage, expiry, held));
  const sales = (await eventsOf(stage, "Liquidated")).map(({ args }): SaleFacts => {
    const { account, bidder, price, penalty } = args;
    return { account, bidder, price, penalty };
  });
  const { quoteDecimals } = stage.market.deployment;
  return { quoteDecimals, expiries, sales, fund: await readFund(stage), debtors: await readDebtors(stage, cast, spot) };
}

async function readDebtors(stage: Stage, cast: Cast, spot: number): Promise<readonly DebtorFacts[]> {
  const debtors: DebtorFacts[] = [];
  for (const { index, sub } of [...cast.writers, ...cast.liquidators]) {
    const account = stage.account(index, sub);
    const debt = await stage.debt(account);
    if (debt === 0n) continue;
    const inQuote = ((await stage.base(account)) * BigInt(Math.round(spot * 1e6))) / 10n ** 18n;
    debtors.push({ account, debt, holds: (await stage.cash(account)) + inQuote });
  }
  return debtors;
}

async function readExpiry(stage: Stage, expiry: number, holdings: readonly Holding[]): Promise<ExpiryFacts> {
  const ofExpiry = <T extends { readonly args: { readonly expiry: number } }>(events: readonly T[]) =>
    events.filter(({ args }) => args.expiry === expiry);
  const [started, final] = [
    ofExpiry(await eventsOf(stage, "SettlementStarted"))[0],
    ofExpiry(await eventsOf(stage, "SettlementFinal"))[0],
  ];
  if (!started || !final) throw new Error(`the expiry of ${new Date(expiry * 1000).toISOString()} is not final`);
  const place = ({ blockNumber, logIndex }: { blockNumber: bigint; logIndex: number }) =>
    blockNumber * 1_000_000n + BigInt(logIndex);
  const collections = ofExpiry(await eventsOf(stage, "DebtCollected")).map((event) => {
    return { account: event.args.account, paid: event.args.paid, isLate: place(event) > place(final) };
  });
  const settledEvents = ofExpiry(await eventsOf(stage, "AccountSettled"));
  const { owed, collected, covered, backed } = final.args;
  return {
    expiry,
    priceWad: started.args.priceWad,
    holdings,
    owed,
    collected,
    covered,
    backed,
    pot: await stage.pot(expiry),
    settled: settledEvents.map(({ args: { account, net, unpaid } }) => ({ account, net, unpaid })),
    collections,
    payments: ofExpiry(await eventsOf(stage, "CreditPaid")).map(({ args: { account, amount } }) => ({
      account,
      amount,
    })),
    backstopsRepaid: ofExpiry(await eventsOf(stage, "BackstopRepaid")).reduce((sum, { args }) => sum + args.amount, 0n),
  };
}

async function readFund(stage: Stage): Promise<FundFacts> {
  const { deployment, client } = stage.market;
  const fund = { address: deployment.insuranceFund, abi: insuranceFundAbi, strict: true, fromBlock: 0n } as const;
  const [deposits, withdrawals] = await Promise.all([
    client.getContractEvents({ ...fund, eventName: "Deposit" }),
    client.getContractEvents({ ...fund, eventName: "Withdraw" }),
  ]);
  const total = (amounts: readonly bigint[]) => amounts.reduce((sum, amount) => sum + amount, 0n);
  return {
    staked: total(deposits.map(({ args }) => args.assets)),
    fees: total((await eventsOf(stage, "Traded")).map(({ args }) => args.insuranceFee)),
    withdrawn: total(withdrawals.map(({ args }) => args.assets)),
    held: await stage.cash(toAccountId(deployment.insuranceFund, 1)),
  };
}

/** What an address holds outside the ledger, quote units. */
export async function tokensOf(stage: Stage, index: number): Promise<bigint> {
  const { client, deployment } = stage.market;
  const args = [stage.market.address(index)] as const;
  return await client.readContract({ address: deployment.quoteToken, abi: erc20Abi, functionName: "balanceOf", args });
}

async function eventsOf<TName extends ContractEventName<typeof clearinghouseAbi>>(stage: Stage, eventName: TName) {
  const { client, deployment } = stage.market;
  return await client.getContractEvents({
    address: deployment.clearinghouse,
    abi: clearinghouseAbi,
    eventName,
    strict: true,
    fromBlock: 0n,
  });
}
