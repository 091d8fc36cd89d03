import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { DashboardJson } from './schema.js';

/** Something that Grafana asks InfluxDB, from the files that it is provisioned with. */
export interface Question {
  /** Dashboard / panel A, or alert / its title. */
  where: string;
  /** With Grafana's macros and variables still in it. */
  text: string;
  /** Seconds back from now. */
  rangeS: number;
}

export interface Variable {
  name: string;
  query: string;
  multi: boolean;
  /** Grafana's number of an order: odd is ascending, even descending, 0 none. */
  sort: number;
}

export interface Asking {
  title: string;
  variables: Variable[];
  questions: Question[];
}

const hourS = 3600;

/** The dashboards that are committed. */
export function readDashboards(root: string): DashboardJson[] {
  const folder = join(root, 'grafana/dashboards');
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as DashboardJson);
}

/** What each dashboard asks, and its variables. */
export function dashboardQuestions(dashboard: DashboardJson): Asking {
  const { title, templating, panels } = dashboard as unknown as {
    title: string;
    templating: { list: Variable[] };
    panels: { title: string; targets?: { refId: string; query: string }[] }[];
  };
  const questions = panels.flatMap((panel) =>
    (panel.targets ?? []).map(({ refId, query }) => ({
      where: `${title} / ${panel.title} ${refId}`,
      text: query,
      rangeS: hourS,
    })),
  );
  return { title, variables: templating.list, questions };
}

interface RuleFile {
  groups: { rules: { title: string; data: RuleQuery[] }[] }[];
}

interface RuleQuery {
  datasourceUid: string;
  relativeTimeRange: { from: number };
  model: { query: string };
}

/** What the alert rules ask. */
export function alertQuestions(root: string): Asking {
  const text = readFileSync(join(root, 'grafana/provisioning/alerting/rules.yaml'), 'utf8');
  const { groups } = parse(text) as RuleFile;
  const questions = groups
    .flatMap(({ rules }) => rules)
    .flatMap(({ title, data }) =>
      data
        .filter(({ datasourceUid }) => datasourceUid !== '__expr__')
        .map(({ model, relativeTimeRange }) => ({
          where: `alert / ${title}`,
          text: model.query,
          rangeS: relativeTimeRange.from,
        })),
    );
  return { title: 'Alerts', variables: [], questions };
}

/**
 * A question as Grafana's back end sends it (pkg/tsdb/influxdb/models/query.go), after its front end has put in
 * the variables.
 * @throws where something with a $ is left
 */
export function filledIn(text: string, rangeS: number, values: ReadonlyMap<string, string>, nowMs: number) {
  const macros: Record<string, string> = {
    timeFilter: `time >= ${nowMs - rangeS * 1000}ms and time <= ${nowMs}ms`,
    __interval: '1s',
  };
  return text.replaceAll(/\$([a-z_]+)/gi, (found, name: string, at: number) => {
    if (found === '$' || at === text.length) return found;
    const value = macros[name] ?? values.get(name);
    if (value === undefined) throw new Error(`${found} of "${text}" is no variable of the dashboard`);
    return value;
  });
}
