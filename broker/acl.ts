import { Refusal } from '../schemas/refusal.js';
import { type Role, roles } from '../schemas/roles.js';
import { namePattern } from '../schemas/topics.js';
import { filtersOf, type Right, rules, type TopicKind, topicKinds } from './access.js';

/** Which user names have which role at another broker. Every other user name is a device of that name. */
export interface RoleNames {
  coordinator: readonly string[];
  operator: readonly string[];
  viewer: readonly string[];
}

/** '+': all fleets. */
type Fleet = string;

const peopleRoles = ['coordinator', 'operator', 'viewer'] as const;
const userName = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$/;

/** @throws Refusal for a name that a file could not hold, or that has two roles */
export function checkNames(names: RoleNames): void {
  const seen = new Map<string, Role>();
  for (const role of peopleRoles)
    for (const name of names[role]) {
      if (!userName.test(name))
        throw new Refusal(`${role} ${JSON.stringify(name)}: expected a name of letters, digits and _ . @ -`);
      const other = seen.get(name);
      if (other) throw new Refusal(`${name} is ${other} and ${role}: expected one role a name`);
      seen.set(name, role);
    }
}

/**
 * The topic rules as an `acl_file` of Mosquitto 2. It knows reading and writing: who may publish to a topic may
 * there also retain and have a will, and nobody clears what others retained.
 */
export function mosquittoAcl(names: RoleNames, fleet: Fleet): string {
  const topics = (role: Role, device: string) => {
    const filters = filtersOf(device, fleet);
    return [
      ...kindsOf(role, 'publish').map((kind) => `write ${filters[kind]}`),
      ...kindsOf(role, 'receive').map((kind) => `read ${filters[kind]}`),
    ];
  };
  const people = peopleRoles.flatMap((role) =>
    names[role].flatMap((name) => [
      '',
      `# ${role}`,
      `user ${name}`,
      ...topics(role, '+').map((line) => `topic ${line}`),
      // The patterns below are for every name: as a device it must have nothing.
      `topic deny ${devicesOf(fleet, name)}`,
    ]),
  );
  return [
    '# Topic rules of Fleetune, written by `fleetune access --for mosquitto`: an acl_file of Mosquitto 2.',
    '# In mosquitto.conf, beside TLS (cafile, certfile, keyfile, require_certificate true) or a password_file:',
    '#   allow_anonymous false',
    '#   use_identity_as_username true   with certificates: the CN is the user name',
    '#   use_username_as_clientid true   nobody takes over the session of another',
    ...people,
    '',
    '# Every other user name is a device. %u is the user name; one with + or # in it is refused by Mosquitto.',
    ...topics('device', '%u').map((line) => `pattern ${line}`),
    '',
  ].join('\n');
}

/**
 * The topic rules as an `acl.conf` of EMQX 5.1.1 or later: Erlang terms, the first that fits counts. It tells
 * retained messages from others, not wills, and nobody clears what others retained.
 */
export function emqxAcl(names: RoleNames, fleet: Fleet): string {
  const topics = (role: Role, who: string, device: string) => {
    const filters = filtersOf(device, fleet);
    const term = (action: string, kinds: readonly TopicKind[]) =>
      kinds.length === 0
        ? []
        : [`{allow, ${who}, ${action}, [${kinds.map((kind) => `"${filters[kind]}"`).join(', ')}]}.`];
    const kept = kindsOf(role, 'retain');
    const passing = kindsOf(role, 'publish').filter((kind) => !kept.includes(kind));
    return [
      ...term('publish', kept),
      ...term('{publish, [{retain, false}]}', passing),
      ...term('subscribe', kindsOf(role, 'receive')),
    ];
  };
  const user = (name: string) => `{username, "${name}"}`;
  const people = peopleRoles.flatMap((role) =>
    names[role].flatMap((name) => [
      '',
      `%% ${role}`,
      ...topics(role, user(name), '+'),
      `{deny, ${user(name)}, all, ["#"]}.`,
    ]),
  );
  return [
    '%% Topic rules of Fleetune, written by `fleetune access --for emqx`: an acl.conf of EMQX 5.1.1 or later.',
    '%% In emqx.conf, beside authorization.sources = [{type = file, path = "etc/acl.conf"}]:',
    '%%   authorization.no_match = deny',
    '%%   authorization.deny_action = ignore',
    '%%   listeners.ssl.default.ssl_options.verify = verify_peer, fail_if_no_peer_cert = true',
    '%%   mqtt.peer_cert_as_username = cn    the CN of the certificate is the user name',
    '%%   mqtt.peer_cert_as_clientid = cn    nobody takes over the session of another',
    ...people,
    '',
    "%% Every other user name is a device, where it is a device's name; who has none is nobody.",
    ...topics('device', `{username, {re, "${namePattern.source}"}}`, `$${'{username}'}`),
    '',
    '{deny, all}.',
    '',
  ].join('\n');
}

/** The rules as rows: a topic, and what each role may do there. */
export function accessRows(): { topic: string; may: Record<Role, string> }[] {
  const filters = filtersOf('<id>', '<fleet>');
  return topicKinds.map((kind) => ({
    topic: filters[kind],
    may: Object.fromEntries(
      roles.map((role) => {
        const own = role === 'device' && filters[kind].includes('<id>') ? 'own: ' : '';
        const rights = rules[kind][role];
        return [role, rights ? own + rights.join(', ') : ''];
      }),
    ) as Record<Role, string>,
  }));
}

const kindsOf = (role: Role, right: Right) => topicKinds.filter((kind) => rules[kind][role]?.includes(right));

/** Everything below a device's name. */
function devicesOf(fleet: Fleet, name: string): string {
  const presence = filtersOf(name, fleet).presence;
  return `${presence.slice(0, presence.lastIndexOf('/'))}/#`;
}
