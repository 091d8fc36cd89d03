import type { Domain } from '../domain.js';

export const laptops: Domain = {
  id: 'laptops',
  desk: 'Laptop repair',
  objects: [
    'the {brand} laptop',
    'the sales laptop',
    'the loan laptop',
    'the tablet',
    'the new notebook',
    'the {brand} notebook',
  ],
  places: [
    'at desk ##',
    'from team #',
    'of user {code}',
    'in lab #',
    'with tag ####',
    'in the {town} office',
  ],
  problems: [
    {
      stated: 'does not charge',
      said: ['never gets past five percent', 'takes no charge any more'],
      causes: [
        ['a broken power plug', 'solder the power plug', 'site'],
        ['a swollen battery', 'replace the battery', 'site'],
        ['a wrong power plan', 'reset the power plan', 'remote'],
      ],
    },
    {
      stated: 'stays black',
      said: ['starts, but stays dark', 'shows no picture'],
      causes: [
        ['a cracked panel', 'fit a new panel', 'site'],
        ['a bad update', 'roll back the update', 'remote'],
        ['a loose ribbon', 'press in the ribbon', 'site'],
      ],
    },
    {
      stated: 'gets far too hot',
      said: ['burns my fingers', 'runs hot and loud'],
      causes: [
        ['a dusty fan', 'clean the fan', 'site'],
        ['a runaway program', 'stop the program', 'remote'],
        ['dried thermal paste', 'renew the thermal paste', 'site'],
      ],
    },
    {
      stated: 'loses its files',
      said: ['forgets what I save', 'keeps losing documents'],
      causes: [
        ['a failing disk', 'copy the disk', 'site'],
        ['a full cloud folder', 'empty the cloud folder', 'remote'],
        ['a broken sync', 'restart the sync', 'remote'],
      ],
    },
    {
      stated: 'has no sound',
      said: ['is mute', 'plays nothing through the speakers'],
      causes: [
        ['a torn speaker wire', 'repair the speaker wire', 'site'],
        ['a missing codec', 'install the codec', 'remote'],
        ['a muted mixer', 'open the mixer', 'remote'],
      ],
    },
  ],
  stopgaps: [
    'borrow a spare machine',
    'work on the desktop',
    'use the phone for mail',
    'share with a colleague',
  ],
  chatter: [
    ['A: Did anything spill on it?', 'C: No, nothing.'],
    ['C: I fly to {town} next week and need it.'],
    ['A: How old is it?', 'C: About # years.'],
    ['C: My colleague had the same last year.'],
    ['A: Which system is on it?', 'C: {brand} version #, I believe.'],
    ['C: The serial starts with {code}.', 'A: Noted.'],
  ],
  delays: ['The part takes a few days.', 'Our bench is full at the moment.', 'The maker has to send it.'],
  relief: ['It looks fine now.', 'That helped.', 'Wonderful, that was quick.'],
  summary: {
    visit: '{object} {place} {problem} because of {cause}. {actor} will {action} {when}.',
    done: '{object} {place} {problem} because of {cause}. {agent} {acted} for {caller}.',
    waiting: 'Because of {cause}, {caller} will {stopgap} until {agent} can {action} {when}.',
  },
};
