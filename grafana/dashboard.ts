import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkType,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { Variable } from './influxql.js';
import { built, dataSource } from './panel.js';

export interface DashboardText {
  uid: string;
  title: string;
  description: string;
  /** The range at first: now-1h. */
  from: string;
  /** What its queries may ask for; 'devices' is any number of them. */
  variables: readonly ('fleet' | 'run' | 'device' | 'devices' | 'kept')[];
  /** Row → its panels, from left to right and downwards; 24 columns make a line. */
  rows: Readonly<Record<string, readonly Builder<Panel>[]>>;
}

const tag = 'fleetune';

/** A dashboard whose panels stand in the order in which they are told. */
export function dashboard(text: DashboardText): Dashboard {
  const { uid, title, description, from, variables, rows } = text;
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([tag])
    .time({ from, to: 'now' })
    .refresh('10s')
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(links);
  for (const name of variables) builder.withVariable(variable[name]);
  for (const [row, panels] of Object.entries(rows)) {
    builder.withRow(new RowBuilder(row));
    for (const panel of panels) builder.withPanel(panel);
  }
  const made = builder.build();
  for (const [index, panel] of (made.panels ?? []).entries()) panel.id = index + 1;
  return { ...made, templating: { list: (made.templating?.list ?? []).map(withoutIntervals) } };
}

/** The SDK tells of every variable how an interval would be chosen; the schema knows that of intervals only. */
function withoutIntervals({ auto, auto_min, auto_count, ...rest }: VariableModel): VariableModel {
  return rest as VariableModel;
}

/** The others of its kind, with the same range and the same choices. */
const links = built({
  ...{ title: 'Fleetune', type: DashboardLinkType.Dashboards, icon: 'external link', tooltip: '' },
  ...{ tags: [tag], asDropdown: false, targetBlank: false, includeVars: true, keepTime: true },
});

const asked = (name: Variable | 'kept', query: string) =>
  new QueryVariableBuilder(name)
    .label(name)
    .datasource(dataSource)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged);

const ofFleet = (measurement: string, name: Variable) =>
  asked(name, `SHOW TAG VALUES FROM "${measurement}" WITH KEY = "${name}" WHERE "fleet" =~ /^$fleet$/`);

const variable = {
  fleet: asked('fleet', 'SHOW TAG VALUES FROM "device" WITH KEY = "fleet"')
    .description('The fleet’s name')
    .sort(VariableSort.AlphabeticalAsc),
  // Runs are named by the time of their trigger, so the newest comes first.
  run: ofFleet('round', 'run').description('A run of the fleet').sort(VariableSort.AlphabeticalDesc),
  device: ofFleet('device', 'device').description('A device of the fleet').sort(VariableSort.NaturalAsc),
  devices: ofFleet('device', 'device')
    .description('Devices of the fleet')
    .sort(VariableSort.NaturalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ text: 'All', value: '$__all' }),
  // The first is where points go: `fleetune influx init` makes the others.
  kept: asked('kept', 'SHOW RETENTION POLICIES')
    .description(
      'What panels of the board read: the points, or means of a minute or an hour, which stay longer',
    )
    .sort(VariableSort.Disabled),
};
