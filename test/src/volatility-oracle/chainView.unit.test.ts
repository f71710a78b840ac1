import type { Address } from "viem";
import { describe, expect, test } from "vitest";
import { type ChainSigners, type ChainState, NOTHING_REPORTED } from "../../../src/volatility-oracle/chainOracle.ts";
import { ChainView } from "../../../src/volatility-oracle/chainView.ts";
import { DueReports } from "../../../src/volatility-oracle/dueReports.ts";

const address = (digit: string): Address => `0x${digit.repeat(40)}`;
const [A, B, C] = ["a", "b", "c"].map(address) as [Address, Address, Address];
const config = {
  nodes: [
    { address: A, url: "" },
    { address: B, signer: C, url: "" },
  ],
  heartbeatSeconds: 60,
  minGapSeconds: 5,
  spotDeviation: 0.003,
  deviation: { volatility: 0.02, spot: 0.02, checkSeconds: 15 },
};

function viewOf(signers: ChainSigners, state: ChainState = NOTHING_REPORTED): ChainView {
  const chain = {
    signers: () => Promise.resolve(signers),
    state: () => Promise.resolve(state),
    volatilities: () => Promise.resolve([]),
  };
  return new ChainView(chain, config);
}

describe("the signer set", () => {
  test.for([
    ["another number, the same nodes", { signerSet: 2, signers: [A, C], quorum: 2 }, true],
    [
      "addresses in capitals",
      { signerSet: 3, signers: [A, C.toUpperCase().replace("X", "x") as Address], quorum: 2 },
      true,
    ],
    ["another order", { signerSet: 2, signers: [C, A], quorum: 2 }, false],
    ["the key where its contract should be", { signerSet: 2, signers: [A, B], quorum: 2 }, false],
    ["a node more", { signerSet: 2, signers: [A, C, B], quorum: 3 }, false],
    ["a node less", { signerSet: 2, signers: [A], quorum: 1 }, false],
  ] as const)("%s", async ([, signers, isOurs]) => {
    const view = viewOf(signers);
    await view.refreshSigners();
    const { signerSet, quorum } = signers;
    const trouble = `signer set ${signerSet} of the contract is not the configured nodes: update \`nodes\` and restart`;
    expect(view.signers).toEqual({ signerSet, quorum, trouble: isOurs ? undefined : trouble });
  });
});

describe("a report that waits for confirmation", () => {
  const TIME = 1_770_000_000;
  const confirmed = {
    ...NOTHING_REPORTED,
    round: 7,
    surfaceTime: TIME,
    spotTime: TIME,
    surfaceSpot: 3_000,
    spot: 3_000,
  };
  const waiting = { round: 9, surfaceTime: TIME + 60, spotTime: TIME + 60 };
  const signers = { signerSet: 1, signers: [A, C], quorum: 2 };

  test("counts among what the chain has, so that it is not reported twice", async () => {
    const view = viewOf(signers, { ...confirmed, waiting });
    await view.refresh();
    expect([view.lastRound, view.lastTime("surface"), view.lastTime("spot")]).toEqual([9, TIME + 60, TIME + 60]);
  });

  test("makes the next one due as soon as the chain takes it", async () => {
    const view = viewOf(signers, { ...confirmed, waiting });
    const due = new DueReports(config, view);
    await view.refresh();
    expect([64, 65].map((seconds) => due.isSurfaceDue(TIME + seconds))).toEqual([false, true]);
    const calm = viewOf(signers, { ...confirmed, surfaceTime: TIME + 60 });
    await calm.refresh();
    expect([65, 119, 120].map((seconds) => new DueReports(config, calm).isSurfaceDue(TIME + seconds))).toEqual([
      false,
      false,
      true,
    ]);
  });
});
