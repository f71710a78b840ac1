/** Which of the three kinds of tests a result belongs to. */
export type TestKind = "Solidity" | "TypeScript" | "end-to-end";

export interface KindResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export type TestRun = Readonly<Record<TestKind, KindResult>>;

interface ForgeSuite {
  readonly test_results: Readonly<Record<string, { readonly status: string }>>;
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

const none: KindResult = { passed: 0, failed: 0, skipped: 0 };

const plus = (a: KindResult, b: KindResult): KindResult => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
});

/** Counts what `forge test --json` reports. */
export function countForge(report: Readonly<Record<string, ForgeSuite>>): KindResult {
  const statuses = Object.values(report).flatMap((suite) =>
    Object.values(suite.test_results).map(({ status }) => status),
  );
  return countStatuses(statuses, "Success", "Skipped");
}

/** Counts what vitest's JSON reporter writes; files under test/end-to-end are the end-to-end tests. */
export function countVitest(report: VitestReport): Omit<TestRun, "Solidity"> {
  let unit = none;
  let endToEnd = none;
  for (const file of report.testResults) {
    let result = countStatuses(
      file.assertionResults.map(({ status }) => status),
      "passed",
      "skipped",
      "pending",
      "todo",
    );
    // A file that could not be loaded has no tests, and has failed.
    if (file.status === "failed" && result.failed === 0) result = plus(result, { ...none, failed: 1 });
    if (/[\\/]end-to-end[\\/]/.test(file.name)) endToEnd = plus(endToEnd, result);
    else unit = plus(unit, result);
  }
  return { TypeScript: unit, "end-to-end": endToEnd };
}

/** What is wrong with a run besides failed tests: a kind of which nothing ran. */
export function problemsOf(run: TestRun): readonly string[] {
  return (Object.keys(run) as TestKind[])
    .filter((kind) => run[kind].passed + run[kind].failed === 0)
    .map((kind) => `no ${kind} test ran`);
}

/** The closing line: every test counts one, and so does every kind that did not run. */
export function closingLine(run: TestRun): string {
  const total = Object.values(run).reduce(plus, none);
  const failed = total.failed + problemsOf(run).length;
  return `${total.passed} passed, ${failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`;
}

function countStatuses(statuses: readonly string[], passed: string, ...skipped: readonly string[]): KindResult {
  const result = { passed: 0, failed: 0, skipped: 0 };
  for (const status of statuses) {
    if (status === passed) result.passed += 1;
    else if (skipped.includes(status)) result.skipped += 1;
    else result.failed += 1;
  }
  return result;
}
