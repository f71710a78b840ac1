import { describe, expect, test } from "vitest";
import { closingLine, countForge, countVitest, problemsOf } from "../../scripts/testRun.ts";

const forgeReport = {
  "test/contracts/A.t.sol:ATest": {
    test_results: { "test_a()": { status: "Success" }, "test_b()": { status: "Failure" } },
  },
};
const file = (name: string, ...statuses: string[]) => ({
  name,
  status: statuses.includes("failed") ? "failed" : "passed",
  assertionResults: statuses.map((status) => ({ status })),
});

describe("the test run", () => {
  test("counts what forge and vitest report, end-to-end tests apart", () => {
    expect(countForge(forgeReport)).toEqual({ passed: 1, failed: 1, skipped: 0 });
    const report = {
      testResults: [
        file("/x/test/pricing/a.test.ts", "passed", "skipped"),
        file("/x/test/end-to-end/b.test.ts", "failed"),
      ],
    };
    expect(countVitest(report)).toEqual({
      TypeScript: { passed: 1, failed: 0, skipped: 1 },
      "end-to-end": { passed: 0, failed: 1, skipped: 0 },
    });
  });

  test("fails where a kind of test did not run at all", () => {
    const run = {
      Solidity: { passed: 5, failed: 0, skipped: 0 },
      TypeScript: { passed: 3, failed: 0, skipped: 1 },
      "end-to-end": { passed: 0, failed: 0, skipped: 2 },
    };
    expect(problemsOf(run)).toEqual(["no end-to-end test ran"]);
    expect(closingLine(run)).toBe("8 passed, 1 failed, 3 skipped");
  });

  test("counts a file that could not be loaded as a failure", () => {
    const report = { testResults: [{ name: "/x/test/pricing/a.test.ts", status: "failed", assertionResults: [] }] };
    expect(countVitest(report).TypeScript.failed).toBe(1);
  });
});
