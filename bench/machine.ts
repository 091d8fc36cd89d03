import os from 'node:os';

/** Where and when a benchmark ran: the head of its results. */
export const machine = () => ({
  at: new Date().toISOString(),
  cpu: os.cpus()[0]?.model ?? 'unknown',
  cores: os.cpus().length,
  memoryGb: Math.round(os.totalmem() / 1e9),
  loadAverage: os.loadavg()[0]!,
  node: process.version,
});

export const median = (numbers: readonly number[]): number => {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(half)]! : (sorted[half - 1]! + sorted[half]!) / 2;
};

export const folders = { results: 'bench/results', models: 'bench/results/models' };
