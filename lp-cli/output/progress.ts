import { dim } from "./colour.ts";

/** One line on standard error that changes in place; where that is no terminal, a line for each new text. */
export class Progress {
  private readonly say: (text: string) => void;
  private readonly startedAt = performance.now();
  private last = "";

  constructor(say: (text: string) => void) {
    this.say = say;
  }

  update(text: string): void {
    if (process.stderr.isTTY === true) {
      const seconds = Math.round((performance.now() - this.startedAt) / 1000);
      const line = `${text} (${seconds} s, Ctrl-C stops waiting)`;
      const width = (process.stderr.columns ?? 80) - 1;
      process.stderr.write(`\r\u001b[2K${dim(line.slice(0, width))}`);
    } else if (text !== this.last) {
      this.say(text);
    }
    this.last = text;
  }

  end(): void {
    if (this.last !== "" && process.stderr.isTTY === true) process.stderr.write("\r\u001b[2K");
  }
}
