import { createHash } from 'node:crypto';
import { contribution } from './contribution.js';
import type { RunFacts } from './facts.js';
import { head } from './head.js';
import { learning } from './learning.js';
import { html, Markup } from './markup.js';
import { checksums, type FileCheck, failures, roundsSection, settingsSection } from './particulars.js';
import { spending } from './spending.js';
import { style } from './style.js';
import { timeText } from './units.js';

export interface PageOptions {
  adapter: FileCheck;
  madeAt: string;
  /** Points that curves were drawn from, and whether there were more. */
  points: number;
  cut: boolean;
}

/** The report as one HTML file: nothing of it is elsewhere, nothing of it runs. */
export function reportPage(facts: RunFacts, { adapter, madeAt, points, cut }: PageOptions): string {
  const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'`;
  const { run } = facts.summary;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${run} · Fleetune report</title>
<style>${new Markup(style)}</style>
</head>
<body>
${head(facts)}
<main>
${learning(facts)}
${contribution(facts)}
${spending(facts)}
${failures(facts)}
${roundsSection(facts)}
${settingsSection(facts)}
${checksums(facts, adapter)}
</main>
<footer><p>Made by fleetune report, ${timeText(madeAt)}, from the run’s summary and ${points.toLocaleString('en-US')} points of its telemetry${cut && ', of which there were more'}. “–” stands where nobody measured.</p></footer>
</body>
</html>
`.text;
}
