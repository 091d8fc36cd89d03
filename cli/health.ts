import { askHealth } from '../runtime/health.js';
import { readSettings } from '../runtime/settings.js';
import { Refusal } from '../schemas/refusal.js';
import { healthSettings } from '../schemas/service-settings.js';
import type { SettingTable } from '../schemas/settings.js';
import type { CommandTitle } from './commands.js';

export const healthCommandSettings = {
  healthSocket: { ...healthSettings.healthSocket, help: 'that the service was started with' },
  timeoutS: { kind: 'number', default: 5, min: 0.1, max: 600, help: 'for the service to answer' },
} satisfies SettingTable;

/**
 * `fleetune health`: asks the service on this machine. Exit code 1 where it is not well or does not answer, as a
 * container's health check wants it.
 */
export async function showHealth(argv: readonly string[], { name, summary }: CommandTitle): Promise<void> {
  const sources = { argv, env: process.env, command: name, summary };
  const { healthSocket, timeoutS } = readSettings(healthCommandSettings, sources);
  if (healthSocket === '')
    throw new Refusal(`${name}: --health-socket: expected the one that the service was started with`);
  const checks = await askHealth(healthSocket, timeoutS * 1000);
  const lines = checks.map((check) => `${check.ok ? 'ok ' : 'NOT'}  ${check.name}: ${check.detail}`);
  process.stdout.write(`${lines.join('\n') || 'ok   it answers'}\n`);
  if (!checks.every(({ ok }) => ok)) process.exitCode = 1;
}
