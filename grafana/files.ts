import { stringify } from 'yaml';
import { alertRules } from './alerts.js';
import { device } from './device.js';
import { energy } from './energy.js';
import { fleet } from './fleet.js';
import { run } from './run.js';

export const dashboards = { fleet, device, run, energy };

/** What is made from these sources: path from the repository's root → text. */
export function files(): Record<string, string> {
  const made = 'npm run build:dashboards';
  return {
    ...Object.fromEntries(
      Object.entries(dashboards).map(([name, dashboard]) => [
        `grafana/dashboards/${name}.json`,
        `${JSON.stringify(dashboard, null, 2)}\n`,
      ]),
    ),
    'grafana/provisioning/alerting/rules.yaml': `# Made from grafana/alerts.ts by ${made}\n${stringify(alertRules(), { lineWidth: 0 })}`,
  };
}
