import { influxProblem, inspectInflux } from '../../telemetry/influx-inspection.js';
import { type Check, type Finding, note, ok, problem } from './check.js';

/** The InfluxDB that a service writes to: there, let in, its database there, and how long it keeps points. */
export const influx: Check = {
  applies: ({ service }) => service !== 'broker',
  async look({ settings }) {
    const { influxUrl: url, influxDatabase: database, influxUser: user } = settings;
    if (url === '')
      return [ok('none is given (--influx-url): points go to the coordinator, whose stay in files')];
    const refused = influxProblem(settings);
    if (refused) return [problem(refused.what, refused.remedy)];
    const { version, write, retention } = await inspectInflux(settings);
    if (version === undefined) {
      const remedy = /certificate|altnames/.test(write)
        ? 'is --influx-ca, or ca.crt of --tls, its authority’s, and the address one that its certificate names?'
        : 'start it, or give its address with --influx-url';
      return [problem(`no InfluxDB answers at ${url}: ${write}`, `${remedy}; points wait meanwhile`)];
    }
    const findings: Finding[] = [ok(`${url}: version ${version}`)];
    const who = user === '' ? 'somebody without a name' : `user ${user}`;
    if (write === 'unauthorized')
      findings.push(problem(`it does not let ${who} in`, 'give --influx-user and --influx-password'));
    else if (write === 'forbidden')
      findings.push(
        problem(
          `it lets ${who} not write to ${database}`,
          `in influx: GRANT WRITE ON "${database}" TO "${user}"`,
        ),
      );
    else if (write === 'no database')
      findings.push(problem(`it has no database ${database}`, 'make it with `fleetune influx init`'));
    else if (write !== 'ok') findings.push(problem(`it takes no points: ${write}`, 'look at its log'));
    else findings.push(ok(`${who} may write to ${database}`));
    return [...findings, ...kept(retention)];
  },
};

function kept(retention: Awaited<ReturnType<typeof inspectInflux>>['retention']): Finding[] {
  if (!retention || retention.length === 0) return [];
  const policies = retention.map(
    ({ name, duration, default: isDefault }) =>
      `${name}${isDefault ? ' (default)' : ''} ${/^0s$/.test(duration) ? 'for ever' : duration.replace(/(?<=[hm])0[ms](0s)?$/, '')}`,
  );
  const what = `it keeps: ${policies.join(', ')}`;
  const usual = retention.find((policy) => policy.default);
  return [
    usual?.duration === '0s'
      ? note(`${what}; its disk fills in time`, 'set a retention with `fleetune influx init`')
      : ok(what),
  ];
}
