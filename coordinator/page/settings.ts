import { isLoopback } from '../../runtime/loopback.js';
import type { SettingsOf, SettingTable } from '../../schemas/settings.js';

export const pageSettings = {
  pagePort: {
    kind: 'integer',
    default: -1,
    min: -1,
    max: 65535,
    help: 'of the live page; 0: any free one, -1: no page',
  },
  pageHost: { kind: 'text', default: '127.0.0.1', help: 'address on which the live page is served' },
  pageUser: {
    kind: 'text',
    default: '',
    help: 'whom the live page lets in; none: everybody on this machine',
  },
  pagePassword: { kind: 'text', default: '', help: 'of that user' },
  pageTls: {
    kind: 'text',
    default: '',
    help: 'folder with tls.crt and tls.key that the live page is served with; none: HTTP without TLS',
  },
  pageNames: {
    kind: 'list',
    default: [],
    help: 'host names under which the live page may be asked for, besides localhost and addresses',
  },
} satisfies SettingTable;

export type PageSettings = SettingsOf<typeof pageSettings>;

/**
 * What is wrong between the settings of the page; undefined when nothing is. Pure.
 * @param insecure whether the network is said to be ours alone
 */
export function pageProblem(
  { pagePort, pageHost, pageUser, pagePassword, pageTls }: PageSettings,
  insecure = false,
): string | undefined {
  if (pagePort < 0) return undefined;
  if ((pageUser === '') !== (pagePassword === '')) return 'pageUser and pagePassword: give both, or neither';
  if (pageUser.includes(':')) return `pageUser: ${pageUser} has a colon, which no browser can send`;
  if (isLoopback(pageHost) || (pageUser !== '' && (pageTls !== '' || insecure))) return undefined;
  if (pageUser !== '')
    return (
      `pageHost: ${pageHost} is reached from other machines, and the password would travel in the open: ` +
      'give --page-tls, or --insecure if the network is yours alone'
    );
  return (
    `pageHost: ${pageHost} is reached from other machines, and anybody there could read the page: ` +
    'keep 127.0.0.1, or give --page-user and --page-password'
  );
}
