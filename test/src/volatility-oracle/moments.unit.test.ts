import { beforeEach, describe, expect, test } from "vitest";
import { NOTHING_REPORTED } from "../../../src/volatility-oracle/chainOracle.ts";
import type { Observation, ReportKind } from "../../../src/volatility-oracle/consensus.ts";
import { Moments } from "../../../src/volatility-oracle/moments.ts";
import { type KnownObservation, ObservationBook } from "../../../src/volatility-oracle/observationBook.ts";

const HEARTBEAT = 60;
const MOMENT = 5;
const LAST = 1_770_000_000;

/** A node's moments without a network: the chain's times are set here, and turns end when the test lets them. */
class Stage {
  readonly chainTime: Record<ReportKind, number> = { surface: LAST, spot: LAST };
  readonly begun: string[] = [];
  readonly book = new ObservationBook();
  readonly moments: Moments;
  trouble: string | undefined;
  movesSpot = true;
  private readonly open = new Map<ReportKind, () => void>();

  constructor() {
    const observe = (kind: ReportKind, modelTime: number): Promise<Observation> =>
      Promise.resolve({ kind, marketId: 1, modelTime, spot: 3_000, averages: [], surface: [] });
    this.moments = new Moments({
      config: { momentSeconds: MOMENT, nodes: Array.from({ length: 4 }, () => ({ address: "0x", url: "" })) },
      index: 0,
      time: { isPlausible: () => true, hearChain: () => {} },
      chain: { headTime: () => Promise.resolve(LAST) },
      view: {
        state: { ...NOTHING_REPORTED, spotTime: LAST },
        lastTime: (kind) => this.chainTime[kind],
        refresh: () => Promise.resolve(NOTHING_REPORTED),
        refreshSigners: () => Promise.resolve({ signerSet: 1, quorum: 3, trouble: undefined }),
      },
      due: {
        isSurfaceDue: (modelTime) => modelTime - this.chainTime.surface >= HEARTBEAT,
        mayHaveMoved: () => false,
        whyDue: ({ kind }) => Promise.resolve(kind === "spot" && this.movesSpot ? "deviation" : undefined),
      },
      observer: {
        surface: (modelTime) => observe("surface", modelTime),
        spot: (modelTime) => observe("spot", modelTime),
      },
      book: this.book,
      turns: {
        report: ({ observation: { kind, modelTime } }) => {
          this.begun.push(`${kind} ${modelTime - LAST}`);
          return new Promise((resolve) => this.open.set(kind, resolve));
        },
      },
      sign: (observation) => Promise.resolve(known(0, observation)),
      trouble: () => this.trouble,
      onError: (error) => this.begun.push(String(error)),
    });
  }

  /** A venue speaks so many seconds after the last report. */
  async hear(seconds: number): Promise<void> {
    this.moments.hear({ time: LAST + seconds, price: 3_000 });
    await settled();
  }

  /** The turns of a kind end, with a report or without. */
  async end(kind: ReportKind, reported?: number): Promise<void> {
    if (reported !== undefined) this.chainTime[kind] = LAST + reported;
    this.open.get(kind)?.();
    await settled();
  }
}

function known(index: number, observation: Observation): KnownObservation {
  return { index, observation, signed: { index, body: JSON.stringify({ index, observation }), signature: "0x" } };
}

/** Lets everything that waits for nothing outside of the test come to its end. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 2));

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});

describe("given a surface that waits for a silent leader", () => {
  test("it brings the spot of its own moment, and spots of later ones go on", async () => {
    await stage.hear(60);
    expect(stage.begun).toEqual(["surface 60"]);
    await stage.hear(65);
    expect(stage.begun).toEqual(["surface 60", "spot 65"]);
    await stage.end("spot", 65);
    await stage.hear(71);
    expect(stage.begun).toEqual(["surface 60", "spot 65", "spot 70"]);
  });

  test("when it is given up, the next surface is of the last moment and does not hold up its spot", async () => {
    await stage.hear(60);
    await stage.hear(65);
    await stage.end("spot", 65);
    stage.movesSpot = false;
    await stage.hear(70);
    stage.movesSpot = true;
    await stage.hear(75);
    await stage.end("surface");
    expect(stage.begun).toEqual(["surface 60", "spot 65", "spot 75", "surface 75"]);
  });

  test("when it is reported, the next one brings its spot again", async () => {
    await stage.hear(60);
    await stage.end("surface", 60);
    await stage.hear(120);
    expect(stage.begun).toEqual(["surface 60", "surface 120"]);
  });
});

test("a spot that waits holds up no surface", async () => {
  await stage.hear(10);
  await stage.hear(60);
  expect(stage.begun).toEqual(["spot 10", "surface 60"]);
});

test("of one kind, one moment is worked on at a time, and of those that come meanwhile the last is next", async () => {
  for (const seconds of [10, 15, 20]) await stage.hear(seconds);
  expect(stage.begun).toEqual(["spot 10"]);
  await stage.end("spot");
  expect(stage.begun).toEqual(["spot 10", "spot 20"]);
});

test("others' word about a moment is joined once one of them must be honest, by kind", async () => {
  stage.movesSpot = false;
  await stage.hear(10);
  const moment = { kind: "spot", modelTime: LAST + 10 } as const;
  const say = (index: number) => {
    stage.book.keep(known(index, { ...moment, marketId: 1, spot: 3_100, averages: [], surface: [] }));
    stage.moments.join(moment);
  };
  say(1);
  expect(stage.begun).toEqual([]);
  say(2);
  expect(stage.begun).toEqual(["spot 10"]);
});

test("in trouble nothing is begun, and after a stop nothing either", async () => {
  stage.trouble = "the clock is off";
  await stage.hear(60);
  expect(stage.begun).toEqual(Array.from({ length: 2 }, () => "MeniscusError: Nothing is signed: the clock is off."));
  stage.trouble = undefined;
  stage.moments.stop();
  await stage.hear(65);
  expect(stage.begun.length).toBe(2);
});
