import type { Domain } from '../domain.js';

export const laptops: Domain = {
  id: 'laptops',
  desk: 'Laptop repair',
  objects: ['the grey laptop', 'the sales laptop', 'the loan laptop', 'the tablet', 'the new notebook'],
  places: ['at desk ##', 'from team #', 'in the training room', 'in lab #', 'with tag ####'],
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
      stated: 'shows a black screen',
      said: ['starts, but stays dark', 'has a dead screen'],
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
  ],
  stopgaps: ['borrow a spare laptop', 'work on the desktop machine', 'use the phone for mail'],
  chatter: [
    ['A: Did anything spill on it?', 'C: No, nothing.'],
    ['C: I fly to {town} next week and need it.'],
    ['A: How old is it?', 'C: About # years.'],
    ['C: My colleague had the same last year.'],
  ],
  delays: ['The part takes a few days.', 'Our bench is full at the moment.'],
  relief: ['It looks fine now.', 'That helped.'],
  summary: {
    visit: '{object} {place} {problem} because of {cause}. {actor} will {action} for {caller} {when}.',
    done: '{object} {place} {problem} because of {cause}. {agent} {acted} for {caller}.',
    waiting: 'Because of {cause}, {caller} will {stopgap} until {agent} can {action} {when}.',
  },
};
