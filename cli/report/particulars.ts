import { runSettings } from '../../schemas/run-settings.js';
import type { RoundRecord } from '../../schemas/status.js';
import { bytesText, type Column, fixed } from '../tables.js';
import type { RunFacts } from './facts.js';
import { dataTable, section } from './figure.js';
import { html, type Markup } from './markup.js';
import { jouleText, known } from './units.js';

/** Of the adapter's file as it lies there now. */
export type FileCheck = 'same' | 'differs' | 'absent';

const maxRounds = 500;
const maxFailures = 200;

interface Failure {
  round: number;
  device: string;
  what: string;
  why: string;
}

/** What failed, was refused, or did not fit into a device's memory. */
export function failures({ summary: { rounds } }: RunFacts): Markup {
  const all = rounds.flatMap(({ round, state, reason, refused, outOfMemory }): Failure[] => [
    ...(state === 'failed' ? [{ round, device: 'the round', what: 'failed', why: reason }] : []),
    ...Object.entries(refused).map(([device, why]) => ({ round, device, what: 'refused or failed', why })),
    ...Object.entries(outOfMemory ?? {}).map(([device, why]) => ({
      round,
      device,
      what: 'short of memory',
      why,
    })),
  ]);
  const columns: Column<Failure>[] = [
    { title: 'round', cell: ({ round }) => String(round) },
    { title: 'who', cell: ({ device }) => device },
    { title: 'what', cell: ({ what }) => what },
    { title: 'why', cell: ({ why }) => why },
  ];
  const left = all.length - maxFailures;
  return section(
    'failures',
    'Failures and refusals',
    html`<div class="card">${all.length === 0 ? html`<p>None: every update that was asked for came, and counts.</p>` : dataTable('Failures and refusals', columns, all.slice(0, maxFailures))}
${left > 0 && html`<p>${left} more are in summary.json.</p>`}</div>`,
  );
}

const right = true;
const roundColumns = (sensed: boolean): Column<RoundRecord>[] => [
  { title: 'round', cell: ({ round }) => String(round) },
  {
    title: 'updates',
    cell: ({ participants, invited }) => `${participants.length} of ${invited.length}`,
    right,
  },
  { title: 'training', cell: ({ trainLoss }) => fixed(trainLoss, 4), right },
  { title: 'held out', cell: ({ evalLoss }) => fixed(evalLoss, 4), right },
  { title: 'ROUGE-L', cell: ({ rougeL }) => fixed(rougeL, 2), right },
  { title: 'up', cell: ({ bytesUp }) => bytesText(bytesUp), right },
  { title: 'down', cell: ({ bytesDown }) => bytesText(bytesDown), right },
  { title: 'seconds', cell: ({ seconds }) => fixed(seconds, 1), right },
  {
    title: 'joules',
    cell: ({ joules, state }) => known(joules, jouleText, sensed || state === 'failed' ? '–' : 'no sensor'),
    right,
  },
  { title: 'version', cell: ({ version }) => String(version), right },
  { title: 'its SHA-256', cell: ({ sha256 }) => sha256.slice(0, 12) },
];

export function roundsSection({ summary: { rounds }, totals }: RunFacts): Markup {
  const shown = rounds.slice(-maxRounds);
  const left = rounds.length - shown.length;
  return section(
    'rounds',
    'All rounds',
    html`<div class="card">${rounds.length === 0 ? html`<p>No round was begun.</p>` : dataTable('All rounds', roundColumns(totals.joules !== null), shown)}
${left > 0 && html`<p>The ${left} before them are in summary.json.</p>`}</div>`,
  );
}

/** Every setting of the run; those that are not as they come stand out. */
export function settingsSection({ summary: { settings } }: RunFacts): Markup {
  const defaults: Record<string, { default: unknown; help: string } | undefined> = runSettings;
  const rows = Object.entries(settings).map(([key, value]) => {
    const usual = defaults[key];
    const changed = usual !== undefined && said(usual.default) !== said(value);
    return html`<div class="${changed ? 'changed' : 'usual'}"><dt>${key}</dt><dd>${said(value)}${changed && html` <small>(default ${said(usual.default)})</small>`}${usual && html`<p>${usual.help}</p>`}</dd></div>`;
  });
  return section('settings', 'Settings', html`<dl class="card settings">${rows}</dl>`);
}

const said = (value: unknown): string => {
  const text = Array.isArray(value)
    ? value.map(String).join(', ')
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);
  return text.trim() === '' ? 'none' : text;
};

const checks: Record<FileCheck, string> = {
  same: 'The file beside this run has this checksum, read as the report was made.',
  differs: 'The file beside this run has another checksum: it was changed since.',
  absent: 'The file was not beside this run as the report was made.',
};

export function checksums({ summary: { model, adapter, run, trigger } }: RunFacts, check: FileCheck): Markup {
  const { id, source } = trigger;
  return section(
    'checksums',
    'Checksums',
    html`<dl class="card checksums">
<div><dt>Adapter${adapter && ` (version ${adapter.version})`}</dt><dd>${adapter ? html`<code>${adapter.sha256}</code><p>SHA-256 of ${adapter.path}/adapter_model.safetensors. ${checks[check]}</p>` : 'none was made'}</dd></div>
<div><dt>Model</dt><dd><code>${model.sha256}</code><p>SHA-256 over its configuration, weights and tokenizer.</p></dd></div>
<div><dt>Run</dt><dd><code>${run}</code><p>Triggered ${source === 'schedule' ? 'by the schedule' : 'by a message'}${id && html`, id <code>${id}</code>`}.</p></dd></div>
</dl>`,
  );
}
