import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * A host as a certificate names it: lower-case, in ASCII (münchen.example is xn--mnchen-3ya.example), an IPv6 address
 * without brackets in its short form.
 * @returns undefined for what is none, as one with a scheme or a port
 */
export function readHost(text: string): string | undefined {
  const address = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(address) === 4) return address;
  if (isIP(address) === 6)
    return URL.canParse(`http://[${address}]`)
      ? new URL(`http://[${address}]`).hostname.slice(1, -1)
      : undefined;
  const ascii = /^\p{ASCII}*$/u.test(text) ? text.toLowerCase() : domainToASCII(text);
  const name = ascii.replace(/\.$/, '');
  const labels = name.replace(/^\*\./, '').split('.');
  const isName =
    name.length <= 253 && labels.every((one) => label.test(one)) && !/^\d+$/.test(labels.at(-1)!);
  return isName ? name : undefined;
}

/** Settings of a list of hosts. */
export const hostItems = {
  read: readHost,
  expected: 'a host name or address without scheme and port, as server.example or 10.0.0.5',
};

const brokerProtocol = /^(mqtts?|wss?|tcp|tls|ssl):$/;

/** @returns undefined for what is no broker's address, or holds a password, which files and the table of processes show */
export function readBrokerAddress(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, username, password, search } = new URL(text);
  const isPlain = username === '' && password === '' && search === '';
  return brokerProtocol.test(protocol) && hostname !== '' && isPlain ? text : undefined;
}

/** A setting that is a broker's address. */
export const brokerAddress = {
  read: readBrokerAddress,
  /** Without the login that it must not hold. */
  shown: (text: string) => text.replace(/^(\w+:\/\/)?.*@/, '$1@').replace(/\?.*/, '?…'),
  expected: 'an address as mqtts://server.example:8883 or ws://127.0.0.1:9001, without user name and query',
};

/** The same where somebody may leave it out. */
export const brokerAddressOrNone = {
  ...brokerAddress,
  read: (text: string) => (text === '' ? text : readBrokerAddress(text)),
};
