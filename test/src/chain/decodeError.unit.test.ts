import { type Abi, encodeErrorResult, HttpRequestError, RpcRequestError } from "viem";
import { describe, expect, test } from "vitest";
import {
  clearinghouseAbi,
  marketOracleAbi,
  optionPoolAbi,
  poolSharesAbi,
  spotHedgerAbi,
} from "../../../src/chain/abis.ts";
import {
  decodeChainError,
  decodeRevert,
  explainedErrors,
  explainRevert,
  protocolErrors,
  type RevertWords,
} from "../../../src/chain/decodeError.ts";
import { toAccountId, toOptionId } from "../../../src/chain/optionId.ts";

const owner = "0x2546BcD3c84621e976D8185a91A922aE77ECEc30";
const pool = "0x00000000000000000000000000000000000000aA";
const words: RevertWords = {
  quoteSymbol: "USDC",
  quoteDecimals: 6,
  rpcUrl: "http://127.0.0.1:8545",
  symbolOf: () => "ETH",
  poolOf: (account) => (account === toAccountId(pool, 1) ? "core" : undefined),
};

/** What a node answers: JSON-RPC's error 3 with the revert's bytes. */
function reverted(abi: Abi, errorName: string, args: readonly unknown[]): RpcRequestError {
  const data = encodeErrorResult({ abi, errorName, args: [...args] });
  return new RpcRequestError({ body: {}, url: words.rpcUrl, error: { code: 3, message: "execution reverted", data } });
}

const ledger = (errorName: string, ...args: readonly unknown[]) =>
  decodeChainError(reverted(clearinghouseAbi, errorName, args), words);

describe("reverts in words", () => {
  test("a price past the limit, bought and sold", () => {
    const bought = ledger("Clearinghouse_LimitExceeded", 120_500_000n, 100_000_000n);
    expect(bought.message).toBe(
      "The price moved past your limit: the swap now costs 120.50 USDC, you pay at most 100.00 USDC.",
    );
    expect([bought.kind, bought.retryable, bought.exitCode]).toEqual(["market", true, 6]);
    const sold = ledger("Clearinghouse_LimitExceeded", -90_000_000n, -100_000_000n);
    expect(sold.message).toContain("brings 90.00 USDC, you want at least 100.00 USDC");
  });

  test("what a hedger waits for, in the pool's own terms", () => {
    const hedger = (errorName: string, ...args: readonly unknown[]) =>
      decodeChainError(reverted(spotHedgerAbi, errorName, args), words).message;
    expect(hedger("SpotHedger_WithinBand", -1_500_000n, 2_000_000n)).toBe(
      "The pool is long 1.5 of delta, inside its band of 2 or too near to it: there is nothing to hedge.",
    );
    expect(hedger("SpotHedger_PriceTooFar", 2_702n * 10n ** 18n, 2_701n * 10n ** 18n)).toBe(
      "Uniswap's price 2,702.00 leaves nothing to trade up to 2,701.00.",
    );
    expect(hedger("SpotHedger_CapReached", 5_000_000n, 0n)).toContain("0.00 USDC more now, and 5.00 USDC");
  });

  test("an expired deadline", () => {
    const error = ledger("Clearinghouse_DeadlinePassed", 1_000n, 1_042n);
    expect(error.message).toContain("1970-01-01 00:16:40 UTC, had passed 42 s before");
    expect(error.hint).toContain("--deadline");
  });

  test("missing margin is the taker's to pay, a pool's is not", () => {
    const taker = ledger("Clearinghouse_Unhealthy", toAccountId(owner, 1), 5_000_000n);
    expect(taker.kind).toBe("funds");
    expect(taker.message).toContain(`margin account 1 of ${owner} would be 5.00 USDC short`);
    const maker = ledger("Clearinghouse_Unhealthy", toAccountId(pool, 1), 5_000_000n);
    expect(maker.kind).toBe("market");
    expect(maker.message).toContain("Pool core has no capital");
  });

  test("options by their names", () => {
    const expiry = Date.UTC(2026, 1, 13, 8) / 1000;
    const option = toOptionId({ marketId: 1, expiry, strike: 2000, kind: "put" });
    const error = ledger("Clearinghouse_InsufficientOptions", toAccountId(owner, 0), option, 2_000_000n, 500_000n);
    expect(error.message).toBe("You hold 0.5 of ETH-13FEB26-2000-P, 2 are needed.");
  });

  test("a stale surface says how old it is and what the pool takes", () => {
    const error = decodeChainError(reverted(optionPoolAbi, "OptionPool_StaleSurface", [400n, 300n]), words);
    expect(error.message).toContain("400 s old; the pool adds risk up to 300 s");
    expect(error.retryable).toBe(true);
  });

  test("an error without a sentence of its own is still readable", () => {
    const error = decodeChainError(reverted(marketOracleAbi, "MarketOracle_TooFewSigners", [2n, 3n]), words);
    expect(error.message).toBe("MarketOracle refused: too few signers (given 2, quorum 3).");
  });

  test("whatever ledger, pool, shares and hedger may answer has a sentence that reads its own arguments", () => {
    const met = [clearinghouseAbi, optionPoolAbi, poolSharesAbi, spotHedgerAbi]
      .flat()
      .filter((item) => item.type === "error")
      .filter(({ name }) => /^(Clearinghouse|OptionPool|PoolShares|SpotHedger)_/.test(name));
    expect(met.length).toBeGreaterThan(50);
    for (const { name, inputs } of met) {
      expect(explainedErrors, name).toContain(name);
      const args = Object.fromEntries(
        inputs.map((input) => [
          input.name,
          input.type === "address" ? owner : input.name === "option" ? 1n << 8n : 1_000_000n,
        ]),
      );
      const { message, hint } = explainRevert(name, args, words);
      expect(message, name).toMatch(/^\w.*\.$/s);
      expect(`${message} ${hint ?? ""}`, name).not.toMatch(/undefined|NaN|\[object/);
    }
  });

  test("every sentence belongs to an error that exists", () => {
    const names = new Set(protocolErrors.map(({ name }) => name));
    expect([...explainedErrors].filter((name) => !names.has(name))).toEqual([]);
  });

  test("bytes that are no error are not decoded", () => expect(decodeRevert("0xdeadbeef")).toBeUndefined());
});

test("a node that is not there is a matter of the network", () => {
  const error = decodeChainError(new HttpRequestError({ url: words.rpcUrl, details: "fetch failed" }), words);
  expect([error.kind, error.exitCode]).toEqual(["network", 4]);
  expect(error.message).toBe("No answer from http://127.0.0.1:8545.");
});
