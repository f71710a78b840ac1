/** What is done about a moment, given by its model time. */
export type MomentWork = (modelTime: number) => Promise<void>;

/**
 * The moments of one kind of report, worked on one after another. While one is, of those that come only the last is kept:
 * a report is of now or of no use.
 */
export class MomentQueue {
  private readonly work: MomentWork;
  private readonly onError: (error: unknown, modelTime: number) => void;
  private current: number | undefined;
  private next: number | undefined;
  private stopped = false;

  constructor(work: MomentWork, onError: (error: unknown, modelTime: number) => void) {
    this.work = work;
    this.onError = onError;
  }

  /** Model time of what is worked on; undefined where nothing is. */
  get working(): number | undefined {
    return this.current;
  }

  /** Whether what is worked on had better be given up for a moment at `modelTime` or later, or altogether. */
  isOver(modelTime: number): boolean {
    return this.stopped || (this.next ?? -Infinity) >= modelTime;
  }

  offer(modelTime: number): void {
    if (this.current === undefined) this.start(modelTime, this.work);
    else this.next = modelTime;
  }

  /** Does other work about a moment if there is none at hand. */
  interject(modelTime: number, work: MomentWork): void {
    if (this.current === undefined) this.start(modelTime, work);
  }

  /** Begins nothing more; what is worked on sees that it is over. */
  stop(): void {
    this.stopped = true;
  }

  private start(modelTime: number, work: MomentWork): void {
    if (this.stopped) return;
    this.current = modelTime;
    void work(modelTime)
      .catch((error: unknown) => this.onError(error, modelTime))
      .finally(() => {
        const { next } = this;
        this.current = undefined;
        this.next = undefined;
        if (next !== undefined && next > modelTime) this.start(next, this.work);
      });
  }
}
