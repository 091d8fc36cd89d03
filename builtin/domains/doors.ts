import type { Domain } from '../domain.js';

export const doors: Domain = {
  id: 'doors',
  desk: 'Access desk',
  objects: [
    'the side door',
    'the turnstile',
    'the garage gate',
    'the glass door',
    'the {brand} gate',
    'the barrier',
  ],
  places: [
    'of house ##',
    'at ## {street}',
    'with code {code}',
    'of warehouse #',
    'beside the canteen',
    'of the {town} site',
  ],
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
        ['a high motor speed', 'reduce the motor speed', 'remote'],
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
    {
      stated: 'raises false alarms',
      said: ['sets off the alarm for nothing', 'rings without a burglar'],
      causes: [
        ['a spider in the camera', 'wipe the camera', 'site'],
        ['a sharp motion setting', 'soften the motion setting', 'remote'],
        ['a rattling hinge', 'oil the hinge', 'site'],
      ],
    },
  ],
  stopgaps: ['use the main entrance', 'ask the guard', 'put a chain on it', 'come through the yard'],
  chatter: [
    ['A: Is your badge blue or white?', 'C: Mine is blue.'],
    ['C: We expect ## visitors this week.'],
    ['A: Did the police come?', 'C: No, it was quiet.'],
    ['C: The cleaners complained about it too.'],
    ['A: What is the password of the day?', 'C: {code}.', 'A: Correct.'],
    ['C: It was built by {brand}, I think.'],
  ],
  delays: ['The maker needs a few days.', 'I need a second key for that.', 'The ladder is at another site.'],
  relief: ['Now it behaves.', 'Yes, that did it.', 'Perfect, I am inside.'],
  summary: {
    visit: '{actor} will {action} {when}: {object} {place} {problem}.',
    done: '{agent} {acted} for {caller}: {object} {place} {problem}.',
    waiting: '{agent} can only {action} {when}; {caller} will {stopgap}, as {object} {problem}.',
  },
};
