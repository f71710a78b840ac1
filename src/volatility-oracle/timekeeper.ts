import type { Clock } from "../runtime/clock.ts";
import { median } from "./median.ts";

/** Venues' words older than this say nothing about the clock, seconds by the machine's steady timer. */
const LONGEST_SILENCE = 60;

/**
 * What time it is, and whether that can be believed. With a clock of its own a node compares it with what the venues say when
 * they say it, and with the chain's last block, which may be late but never early. Without one, time is the venues'.
 */
export class Timekeeper {
  private readonly clock: Clock | undefined;
  private readonly maxOffset: number;
  private readonly steadyNow: () => number;
  private readonly words = new Map<string, { readonly offset: number; readonly at: number }>();
  private venueTime = 0;
  private chainTime = 0;
  /** Chain time minus our own when it was heard. */
  private chainAhead = -Infinity;

  constructor(clock: Clock | undefined, maxOffset: number, steadyNow = () => performance.now() / 1000) {
    this.clock = clock;
    this.maxOffset = maxOffset;
    this.steadyNow = steadyNow;
  }

  /** Unix seconds. */
  now(): number {
    return this.clock?.now() ?? this.venueTime;
  }

  get followsVenues(): boolean {
    return this.clock === undefined;
  }

  hearVenue(name: string, time: number): void {
    this.venueTime = Math.max(this.venueTime, time);
    this.words.set(name, { offset: time - this.now(), at: this.steadyNow() });
  }

  hearChain(time: number): void {
    this.chainTime = time;
    const now = this.now();
    // Before the first word of a venue there is nothing to compare with.
    this.chainAhead = now === 0 ? -Infinity : time - now;
  }

  /** Whether a venue's time can be that of now. A venue that is off alone is passed over, without a clock none can be. */
  isPlausible(time: number): boolean {
    return this.clock === undefined || Math.abs(time - this.clock.now()) <= this.maxOffset;
  }

  /** How far the venues are ahead of us, the median of those that spoke lately; 0 where none did. */
  get offset(): number {
    const now = this.steadyNow();
    const recent = [...this.words.values()].filter(({ at }) => now - at <= LONGEST_SILENCE);
    return recent.length === 0 ? 0 : median(recent.map(({ offset }) => offset));
  }

  /** Why nothing may be signed; undefined where the clock is right. */
  get trouble(): string | undefined {
    if (Math.abs(this.offset) > this.maxOffset) {
      return `this clock and the venues' are ${this.offset.toFixed(1)} s apart`;
    }
    // Without a clock of its own a node can only tell that its venues are behind the chain.
    if (this.chainAhead > this.maxOffset) {
      return `the chain's block of ${this.chainTime} is ${this.chainAhead.toFixed(1)} s in this clock's future`;
    }
    return undefined;
  }
}
