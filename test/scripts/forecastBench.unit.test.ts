import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { type DailyHistory, isoDay } from "../../scripts/bench/oracle/dailyHistory.ts";
import { benchForecast } from "../../scripts/bench/oracle/forecast.ts";
import {
  blendForecasts,
  ewmaForecasts,
  FIRST_FORECAST,
  type Forecasts,
  garchForecasts,
  harForecasts,
  outcomes,
} from "../../scripts/bench/oracle/walkForward.ts";
import { Random } from "../pricing/random.ts";

const dataDirectory = resolve(process.env.MENISCUS_DATA ?? join(import.meta.dirname, "../../../shared/data"));
const haveData = existsSync(join(dataDirectory, "spot")) && existsSync(join(dataDirectory, "dvol"));
if (!haveData) console.log(`forecasts on recorded days skipped: no ${dataDirectory} (set MENISCUS_DATA)`);

/** 600 days of clustering variance, one of them missing. */
function history(seed: number, changedFrom = Infinity): DailyHistory {
  const random = new Random(seed);
  const other = new Random(seed + 1);
  let logVariance = Math.log(0.002);
  const rows = Array.from({ length: 600 }, (_, row) => {
    logVariance += 0.1 * (Math.log(0.002) - logVariance) + 0.3 * random.normal();
    const variance = Math.exp(logVariance);
    const day = {
      variance,
      r: Math.sqrt(variance) * random.normal(),
      implied: variance * Math.exp(random.normal() / 4),
    };
    if (row < changedFrom) return day;
    return { variance: other.unit() / 100, r: other.normal(), implied: other.unit() / 100 };
  });
  const realized = rows.map(({ variance }, row) => (row === 450 ? undefined : variance));
  return {
    firstDay: 18_000,
    realized,
    continuous: realized.map((variance) => variance && variance * 0.9),
    returns: rows.map(({ r }) => r),
    impliedPerDay: rows.map(({ implied }) => implied),
    chains: rows.map(() => undefined),
    excludedDays: 1,
  };
}

function everyForecast(of: DailyHistory, horizon: number): Record<string, Forecasts> {
  const outcome = outcomes(of, horizon);
  const logHar = harForecasts(of, { form: "log", horizon }, of.continuous).forecasts;
  const implied = {
    variances: of.impliedPerDay.map((perDay) => perDay && perDay * horizon),
    noise: () => 0.01,
    tenorDays: 30,
  };
  return {
    ewma: ewmaForecasts(of, horizon),
    garch: garchForecasts(of, "garch")(horizon),
    gjr: garchForecasts(of, "gjr")(horizon),
    har: harForecasts(of, { form: "level", horizon }, of.realized).forecasts,
    logHar,
    blend: blendForecasts(logHar, implied, outcome, horizon).forecasts,
  };
}

describe("a walk forward", () => {
  it("does not see a day before it has come", () => {
    // Row 506 is the first of a month: models are refitted there, and must not use row 507.
    const change = 507;
    expect(isoDay(history(101).firstDay + change - 1)).toBe("2020-09-01");
    for (const horizon of [1, 7]) {
      const one = everyForecast(history(101), horizon);
      const two = everyForecast(history(101, change), horizon);
      for (const [name, forecasts] of Object.entries(one)) {
        const made = forecasts.slice(0, change).filter((forecast) => forecast !== undefined);
        expect(made.length, name).toBeGreaterThan(change - FIRST_FORECAST - 10);
        expect(two[name]!.slice(0, change), name).toEqual(forecasts.slice(0, change));
        expect(two[name]![change], name).not.toBe(forecasts[change]);
      }
    }
  });
  it("measures against the days after, not the day itself", () => {
    const { realized } = history(102);
    const outcome = outcomes(history(102), 7);
    expect(outcome[10]).toBeCloseTo(
      realized.slice(11, 18).reduce<number>((sum, variance) => sum + variance!, 0),
      15,
    );
    expect(outcome.at(-1)).toBeUndefined();
  });
});

describe.skipIf(!haveData)("on recorded days", () => {
  it("log-HAR is below EWMA, the blend below its parts, and the value at risk is exceeded as promised", async () => {
    const { figures } = await benchForecast({ dataDirectory });
    const figure = (name: string): number => {
      const found = figures.find((each) => each.name === name);
      if (found === undefined) throw new Error(`no figure ${name}`);
      return found.value;
    };
    for (const horizon of ["1d", "7d", "30d"]) {
      const loss = (name: string): number => figure(`forecast.qlike.${name}.${horizon}`);
      expect(loss("logHar"), horizon).toBeLessThan(loss("ewma"));
      expect(loss("blend"), horizon).toBeLessThan(loss("implied"));
      expect(loss("blend"), horizon).toBeLessThan(loss("common.logHar"));
    }
    for (const risk of ["var99", "var95"]) {
      for (const test of ["kupiec", "christoffersen", "independence"]) {
        expect(figure(`${risk}.${test}.p`), `${risk} ${test}`).toBeGreaterThan(0.05);
      }
    }
  });
});
