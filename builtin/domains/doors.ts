import type { Domain } from '../domain.js';

export const doors: Domain = {
  id: 'doors',
  desk: 'Access desk',
  objects: ['the side door', 'the turnstile', 'the garage gate', 'the glass door', 'the staff entrance'],
  places: ['of house ##', 'at ## {street}', 'of the archive', 'of warehouse #', 'beside the canteen'],
  problems: [
    {
      stated: 'rejects valid cards',
      said: ['refuses my card', 'does not accept our badges'],
      causes: [
        ['an old card list', 'upload the card list', 'remote'],
        ['a damaged reader', 'replace the reader', 'site'],
        ['an expired badge', 'extend the badge', 'remote'],
      ],
    },
    {
      stated: 'does not lock',
      said: ['stays unlocked', 'cannot be locked'],
      causes: [
        ['a bent bolt', 'straighten the bolt', 'site'],
        ['a weak magnet', 'renew the magnet', 'site'],
        ['a visitor mode', 'end the visitor mode', 'remote'],
      ],
    },
    {
      stated: 'closes too hard',
      said: ['slams every time', 'bangs shut'],
      causes: [
        ['a leaking damper', 'exchange the damper', 'site'],
        ['a stiff spring', 'loosen the spring', 'site'],
      ],
    },
    {
      stated: 'opens by itself',
      said: ['opens without a reason', 'swings open at night'],
      causes: [
        ['a faulty timer', 'correct the timer', 'remote'],
        ['a worn latch', 'fit a new latch', 'site'],
        ['a shorted wire', 'repair the wire', 'site'],
      ],
    },
  ],
  stopgaps: ['use the main entrance', 'ask the guard', 'put a chain on it'],
  chatter: [
    ['A: Is your badge blue or white?', 'C: Mine is blue.'],
    ['C: We expect ## visitors this week.'],
    ['A: Did the alarm go off?', 'C: No, it was quiet.'],
    ['C: The cleaners complained about it too.'],
  ],
  delays: ['The maker needs a few days.', 'I need a second key for that.'],
  relief: ['Now it behaves.', 'Yes, that did it.'],
  summary: {
    visit: '{actor} will {action} {when}. {caller} found that {object} {place} {problem}.',
    done: '{agent} {acted}. {caller} had found that {object} {place} {problem}.',
    waiting: '{agent} can only {action} {when}. {caller} will {stopgap}, as {object} {problem}.',
  },
};
