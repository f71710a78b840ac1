import type { Random } from "./random.ts";
import type { OptionKind } from "./world.ts";

/** One expiry as a trader sees it on the pool's board. */
export interface BoardView {
  readonly expiry: number;
  /** Seconds to expiry. */
  readonly tenor: number;
  readonly forward: number;
  /** √θ: the standard deviation at the money over the whole tenor. */
  readonly stdDev: number;
}

/** An option and a signed size in contracts. */
export interface Position {
  readonly expiry: number;
  readonly strike: number;
  readonly kind: OptionKind;
  readonly size: number;
}

/** What a trader decides on: his board, his book, his habits. */
export interface FlowFacts {
  readonly boards: readonly BoardView[];
  readonly positions: readonly Position[];
  /** Wallets buy and sell back; margin accounts also write and trade spreads. */
  readonly canWrite: boolean;
  readonly strikeStep: number;
  readonly minTenor: number;
  readonly maxTenor: number;
  /** Contracts of an average order. */
  readonly typicalSize: number;
}

/** The legs of one order; empty where the trader finds nothing to do. */
export type Order = readonly Position[];

/**
 * What a trader wants now: with one chance in three he reduces what he holds, else he opens a call, a put or, on margin, a
 * vertical spread. Strikes lie within 1.2 standard deviations out of the money; sizes are log-normal. Pure: all chance comes
 * from `random`.
 */
export function nextOrder(facts: FlowFacts, random: Random): Order {
  const open = facts.positions.filter(({ size }) => size !== 0);
  if (open.length > 0 && (random.uniform() < 1 / 3 || open.length >= 12)) return reduce(pick(open, random), random);
  const boards = facts.boards.filter(({ tenor }) => tenor >= facts.minTenor && tenor <= facts.maxTenor);
  if (boards.length === 0) return [];
  const board = pick(boards, random);
  const kind: OptionKind = random.uniform() < 0.55 ? "call" : "put";
  const near = strikeAt(board, kind, 0.1 + 1.1 * random.uniform(), facts.strikeStep);
  const size = sizeOf(facts.typicalSize, random);
  const draw = random.uniform();
  if (facts.canWrite && draw < 0.35) {
    const far = strikeAt(board, kind, 1.5, facts.strikeStep);
    const side = random.uniform() < 0.5 ? 1 : -1;
    if (far === near) return [];
    return [
      { expiry: board.expiry, strike: near, kind, size: side * size },
      { expiry: board.expiry, strike: far, kind, size: -side * size },
    ];
  }
  const writes = facts.canWrite && draw < 0.8;
  return [{ expiry: board.expiry, strike: near, kind, size: writes ? -size : size }];
}

/** All of a small position back, half of a large one. */
function reduce(position: Position, random: Random): Order {
  const whole = Math.abs(position.size) < 2 || random.uniform() < 0.5;
  return [{ ...position, size: round(whole ? -position.size : -position.size / 2) }];
}

/** The strike `deviations` standard deviations out of the money, on the grid. */
function strikeAt(board: BoardView, kind: OptionKind, deviations: number, step: number): number {
  const side = kind === "call" ? 1 : -1;
  return Math.max(step, Math.round((board.forward * Math.exp(side * deviations * board.stdDev)) / step) * step);
}

function sizeOf(typical: number, random: Random): number {
  return Math.max(0.1, round(typical * Math.exp(0.6 * random.normal() - 0.18)));
}

/** To a tenth of a contract. */
function round(size: number): number {
  return Math.round(size * 10) / 10;
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[Math.floor(random.uniform() * items.length)] as T;
}
