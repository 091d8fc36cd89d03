import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A dashboard as its JSON says it. */
export interface DashboardJson {
  uid: string;
  panels: PanelJson[];
  [key: string]: unknown;
}

export interface PanelJson {
  type: string;
  title: string;
  [key: string]: unknown;
}

/** Panel type → the module of @grafana/schema that describes its options, and whether fields have their own too. */
const panelTypes: Readonly<Record<string, { module: string; fields: boolean }>> = {
  stat: { module: 'stat/panelcfg/x/StatPanelCfg_types.gen', fields: false },
  'state-timeline': { module: 'statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen', fields: true },
  table: { module: 'table/panelcfg/x/TablePanelCfg_types.gen', fields: true },
  timeseries: { module: 'timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen', fields: true },
  trend: { module: 'trend/panelcfg/x/TrendPanelCfg_types.gen', fields: true },
  barchart: { module: 'barchart/panelcfg/x/BarChartPanelCfg_types.gen', fields: true },
  xychart: { module: 'xychart/panelcfg/x/XYChartPanelCfg_types.gen', fields: true },
};

/**
 * Checks dashboards against the types of @grafana/schema: their JSON becomes literals of a program, which the
 * compiler checks, unknown keys and values outside an enum included. What the package leaves open
 * (targets, transformations, overrides) stays open.
 * @param folder inside the repository, so that packages are found
 * @returns the compiler's complaints, none where all fits
 */
export function schemaProblems(dashboards: readonly DashboardJson[], folder: string): string[] {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const dashboard of dashboards) writeFileSync(join(folder, `${dashboard.uid}.ts`), program(dashboard));
  const compiler = ['--strict', '--noEmit', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2023'];
  const sources = dashboards.map(({ uid }) => join(folder, `${uid}.ts`));
  try {
    const tsc = 'node_modules/typescript/bin/tsc';
    execFileSync(process.execPath, [tsc, '--ignoreConfig', ...compiler, ...sources], { encoding: 'utf8' });
    return [];
  } catch (error) {
    const { stdout = '' } = error as { stdout?: string };
    return stdout.split('\n').filter((line) => line !== '');
  }
}

function program({ panels, ...dashboard }: DashboardJson): string {
  const types = [...new Set(panels.map(({ type }) => type))].filter((type) => type !== 'row');
  const unknown = types.filter((type) => !panelTypes[type]);
  if (unknown.length > 0) throw new Error(`no schema is known for panels of type ${unknown.join(', ')}`);
  return [
    "import type { Dashboard, Panel, RowPanel } from '@grafana/schema';",
    ...types.map((type, i) => {
      const { module } = panelTypes[type]!;
      return `import type * as T${i} from '@grafana/schema/dist/esm/raw/composable/${module}';`;
    }),
    plain,
    `export const dashboard: Plain<Omit<Dashboard, 'panels'>> = ${text(dashboard)};`,
    ...panels.flatMap((panel, i) => (panel.type === 'row' ? row(panel, i) : checks(panel, i, types))),
  ].join('\n');
}

/** The package's types with its enums as the words that stand in JSON. */
const plain = `type Plain<T> = T extends string ? \`\${T}\`
  : T extends number | boolean | null | undefined ? T
  : T extends readonly (infer U)[] ? Plain<U>[]
  : T extends object ? { [K in keyof T]: Plain<T[K]> }
  : T;`;

const row = (panel: PanelJson, i: number) => [`export const p${i}: Plain<RowPanel> = ${text(panel)};`];

function checks(panel: PanelJson, i: number, types: readonly string[]): string[] {
  const module = `T${types.indexOf(panel.type)}`;
  const { options, fieldConfig, ...rest } = panel as PanelJson & {
    fieldConfig: { defaults: { custom?: unknown } };
  };
  const { custom, ...defaults } = fieldConfig.defaults;
  const name = `p${i}_${panel.title.replaceAll(/\W+/g, '_')}`;
  return [
    `export const ${name}: Plain<Omit<Panel, 'options' | 'fieldConfig'>> = ${text(rest)};`,
    `export const ${name}_fields: Plain<NonNullable<Panel['fieldConfig']>> = ${text({ ...fieldConfig, defaults })};`,
    `export const ${name}_options: Plain<${module}.Options> = ${text(options)};`,
    ...(panelTypes[panel.type]!.fields
      ? [`export const ${name}_custom: Plain<${module}.FieldConfig> = ${text(custom ?? {})};`]
      : []),
  ];
}

const text = (value: unknown) => JSON.stringify(value, null, 2);
