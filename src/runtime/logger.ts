import { pino } from "pino";

export type Logger = ReturnType<typeof createLogger>;

/** Structured logs as JSON lines on standard error, so that standard output stays free for data. */
export function createLogger(name: string, level = process.env.MENISCUS_LOG ?? "info") {
  return pino({ name, level }, pino.destination({ dest: 2, sync: true }));
}
