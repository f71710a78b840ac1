import { createServer, type Server } from "node:http";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { describeError, MeniscusError } from "./errors.ts";

/** A number that is read off when somebody asks. */
export interface ReadGauge {
  readonly help: string;
  readonly read: () => number;
}

/** What a service counts and measures, for Prometheus; every name begins with the service's prefix. */
export class Metrics {
  readonly registry = new Registry();
  private readonly prefix: string;

  constructor(prefix: string, gauges: Readonly<Record<string, ReadGauge>>) {
    this.prefix = prefix;
    collectDefaultMetrics({ register: this.registry, prefix });
    for (const [name, { help, read }] of Object.entries(gauges)) {
      const gauge: Gauge = new Gauge({
        name: `${prefix}${name}`,
        help,
        registers: [],
        collect: () => gauge.set(read()),
      });
      this.registry.registerMetric(gauge);
    }
  }

  protected counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    const labels = [...labelNames];
    return new Counter({ name: `${this.prefix}${name}`, help, labelNames: labels, registers: [this.registry] });
  }

  protected histogram(name: string, help: string): Histogram {
    const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
    return new Histogram({ name: `${this.prefix}${name}`, help, buckets, registers: [this.registry] });
  }
}

/**
 * Answers `/metrics` on 127.0.0.1, for a service that serves nothing else.
 *
 * @param port 0 takes a free one: see the server's address.
 * @throws MeniscusError `network` where the port cannot be opened.
 */
export async function serveMetrics(metrics: Metrics, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    metrics.registry.metrics().then(
      (text) => response.writeHead(200, { "content-type": metrics.registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(describeError(error)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new MeniscusError("network", `Port ${port} cannot be opened: ${cause.message}.`, { cause })),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}
