import { brokerSettings } from '../broker/main.js';
import { accessSettings } from '../cli/access.js';
import { backupSettings } from '../cli/backup.js';
import { demoDefaults, demoSettings } from '../cli/demo-settings.js';
import { doctorSettings } from '../cli/doctor.js';
import { healthCommandSettings } from '../cli/health.js';
import {
  caInitSettings,
  caListSettings,
  caServeSettings,
  caSetupSettings,
  claimSettings,
  enrollSettings,
  passwordSettings,
  provisionSettings,
  renewSettings,
  requestSettings,
  revokeSettings,
} from '../cli/identity/settings.js';
import { imageSettings } from '../cli/image.js';
import { influxInitSettings } from '../cli/influx.js';
import { modelInitSettings } from '../cli/model.js';
import { modelCheckSettings } from '../cli/model-check.js';
import { modelPullSettings } from '../cli/model-pull.js';
import { operatorSettings } from '../cli/operator.js';
import { reportSettings } from '../cli/report/command.js';
import { startSettings } from '../cli/rounds.js';
import { summarizeSettings } from '../cli/summarize.js';
import { benchSettings } from '../cli/sweep/settings.js';
import { coordinatorSettings } from '../coordinator/main.js';
import { deviceSettings } from '../device/main.js';
import { runSettings } from '../schemas/run-settings.js';
import type { Setting, SettingTable } from '../schemas/settings.js';

/** Command → its own settings; those of a run are a table of their own. */
export const documented: Record<string, SettingTable> = {
  'fleetune demo': demoSettings,
  'fleetune broker': brokerSettings,
  'fleetune coordinator': coordinatorSettings,
  'fleetune device': deviceSettings,
  'fleetune rounds start': startSettings,
  'fleetune rounds stop, devices, status, watch': operatorSettings,
  'fleetune ca init': caInitSettings,
  'fleetune ca setup': caSetupSettings,
  'fleetune ca serve': caServeSettings,
  'fleetune ca list': caListSettings,
  'fleetune provision': provisionSettings,
  'fleetune claim': claimSettings,
  'fleetune enroll': enrollSettings,
  'fleetune request': requestSettings,
  'fleetune renew': renewSettings,
  'fleetune revoke': revokeSettings,
  'fleetune password': passwordSettings,
  'fleetune access': accessSettings,
  'fleetune report': reportSettings,
  'fleetune summarize': summarizeSettings,
  'fleetune health': healthCommandSettings,
  'fleetune doctor': doctorSettings,
  'fleetune backup, restore': backupSettings,
  'fleetune influx init': influxInitSettings,
  'fleetune image': imageSettings,
  'fleetune model pull': modelPullSettings,
  'fleetune bench': benchSettings,
  'fleetune model check': modelCheckSettings,
  'fleetune model init': modelInitSettings,
};

/** Settings whose default depends on where it runs. */
const ofTheMachine: Record<string, string> = {
  'fleetune device id': 'the host’s name',
  'fleetune device threads': 'all cores',
  'fleetune bench model': 'the built-in model',
  'fleetune bench threads': 'all cores',
  'fleetune demo model': 'the built-in model',
  'fleetune summarize model': 'the built-in model',
  'fleetune model pull folder': 'the model’s name',
  'fleetune image cache': 'fleetune in ~/.cache',
};

/** A Markdown table of settings. @param leftOut keys that another table holds */
export function settingsTable(command: string, table: SettingTable, leftOut: readonly string[] = []): string {
  const rows = Object.entries(table)
    .filter(([key]) => !leftOut.includes(key))
    .map(([key, setting]) => {
      const standard = ofTheMachine[`${command} ${key}`] ?? defaultOf(setting);
      return `| \`${key}\` | ${standard} | ${setting.help}${allowed(setting)} |`;
    });
  return ['| setting | default | what it means |', '|---|---|---|', ...rows].join('\n');
}

/** What the README shows of the settings of a run: those that are changed first. */
const changedFirst: readonly (keyof typeof runSettings)[] = [
  ...(['rounds', 'seed', 'quorum', 'deadlineS', 'optimizer', 'steps', 'batchSize'] as const),
  ...(['learningRate', 'loraRank', 'loraTargets', 'maxSourceTokens', 'maxTargetTokens'] as const),
];

export function firstSettings(): string {
  const others = Object.keys(runSettings).filter((key) => !changedFirst.some((first) => first === key));
  return settingsTable('run', runSettings, others);
}

/** What docs/settings.md holds below its introduction. */
export function allSettings(): string {
  const ofRuns = Object.keys(runSettings);
  const commands = Object.entries(documented).map(([command, table]) => {
    const isDemo = command === 'fleetune demo';
    const keys = isDemo ? ofRuns.filter((key) => key !== 'devices') : ofRuns;
    const hasRun = keys.every((key) => Object.hasOwn(table, key));
    const note = hasRun ? `\n\nand all settings of a run${isDemo ? demosOwn() : '.'}` : '';
    return `## ${command}\n\n${settingsTable(command, table, hasRun ? keys : [])}${note}`;
  });
  return [`## A run\n\n${settingsTable('run', runSettings)}`, ...commands].join('\n\n');
}

/** The settings of a run whose default the demo bounds, by what it trains on. */
function demosOwn(): string {
  const { builtin, text, model } = demoDefaults;
  const keys = Object.keys(runSettings).filter((key) => key in { ...builtin, ...text, ...model });
  const rows = keys.map((key) => {
    const cells = [builtin, text, model].map((defaults) => {
      const value = (defaults as Record<string, unknown>)[key];
      return value === undefined ? 'as above' : `\`${value}\``;
    });
    return `| \`${key}\` | ${cells.join(' | ')} |`;
  });
  const head = [
    '| setting | built-in text | own text, built-in model | a model folder |',
    '|---|---|---|---|',
  ];
  return `, of which some have other defaults here, so that it ends soon:\n\n${[...head, ...rows].join('\n')}`;
}

function defaultOf(setting: Setting): string {
  const text = setting.kind === 'list' ? setting.default.join(',') : String(setting.default).trimEnd();
  return text === '' ? 'none' : `\`${text}\``;
}

function allowed(setting: Setting): string {
  if (setting.kind === 'choice') return ` (${setting.choices.join(', ')})`;
  return setting.kind === 'integer' || setting.kind === 'number' ? ` (${setting.min} to ${setting.max})` : '';
}
