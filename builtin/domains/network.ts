import type { Domain } from '../domain.js';

export const network: Domain = {
  id: 'network',
  desk: 'Network desk',
  objects: [
    'the wireless network',
    'the guest network',
    'the video network',
    'the test network',
    'the {brand} network',
    'the office network',
  ],
  places: [
    'in room ###',
    'on floor #',
    'in the {street} office',
    'behind router {code}',
    'in the {town} branch',
  ],
  problems: [
    {
      stated: 'drops every few minutes',
      said: ['keeps dropping', 'goes away all the time'],
      causes: [
        ['a faulty switch', 'replace the switch', 'site'],
        ['a channel clash', 'change the channel', 'remote'],
        ['a loose cable', 'fasten the cable', 'site'],
      ],
    },
    {
      stated: 'is very slow',
      said: ['takes forever', 'crawls along'],
      causes: [
        ['a running backup', 'pause the backup', 'remote'],
        ['a bad patch cable', 'swap the patch cable', 'site'],
        ['an old router', 'upgrade the router', 'site'],
      ],
    },
    {
      stated: 'refuses new logins',
      said: ['lets nobody log in', 'rejects every password'],
      causes: [
        ['an expired certificate', 'renew the certificate', 'remote'],
        ['a full address pool', 'enlarge the address pool', 'remote'],
        ['a locked account', 'unlock the account', 'remote'],
      ],
    },
    {
      stated: 'has no signal',
      said: ['is completely dead', 'shows no bars at all'],
      causes: [
        ['a dead access point', 'install a new access point', 'site'],
        ['a tripped breaker', 'reset the breaker', 'site'],
        ['a wrong filter rule', 'remove the filter rule', 'remote'],
      ],
    },
    {
      stated: 'blocks all mail',
      said: ['lets no mail through', 'holds back our mail'],
      causes: [
        ['a strict spam list', 'relax the spam list', 'remote'],
        ['a crashed gateway', 'restart the gateway', 'remote'],
        ['a burnt network card', 'exchange the network card', 'site'],
      ],
    },
  ],
  stopgaps: [
    'use the mobile router',
    'work from the library',
    'use the cable in the hall',
    'send files by phone',
  ],
  chatter: [
    ['A: Is the light on the box green?', 'C: No, it blinks red.'],
    ['A: Did you restart your machine?', 'C: Yes, twice.'],
    ['C: We have a large video call this week.'],
    ['A: How many people are affected?', 'C: About ##, I think.'],
    ['A: Are you using {brand} software?', 'C: Not that I know.'],
    ['C: The ticket was {code}, if that helps.', 'A: Thank you, I have found it.'],
  ],
  delays: [
    'The new hardware is not here yet.',
    'I have to order a part first.',
    'The change needs an approval.',
  ],
  relief: ['It works again.', 'Yes, we are back online.', 'Great, everything loads now.'],
  summary: {
    visit: '{caller} reported that {object} {place} {problem}. {actor} will {action} {when}.',
    done: '{caller} reported that {object} {place} {problem}. {agent} {acted} and it works again.',
    waiting:
      '{caller} reported that {object} {problem} and will {stopgap} until {agent} can {action} {when}.',
  },
};
