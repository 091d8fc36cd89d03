import type { Domain } from '../domain.js';

export const printers: Domain = {
  id: 'printers',
  desk: 'Printer desk',
  objects: [
    'the label printer',
    'the {brand} printer',
    'the copier',
    'the plotter',
    'the receipt printer',
    'the scanner',
  ],
  places: [
    'in room ###',
    'on floor #',
    'at the front desk',
    'named {code}',
    'at counter ##',
    'in the {town} shop',
  ],
  problems: [
    {
      stated: 'jams on every page',
      said: ['keeps jamming', 'gets stuck on every sheet'],
      causes: [
        ['a worn feed roller', 'replace the feed roller', 'site'],
        ['damp paper', 'bring dry paper', 'site'],
        ['a bent tray', 'straighten the tray', 'site'],
      ],
    },
    {
      stated: 'produces blank pages',
      said: ['puts out empty sheets', 'gives me nothing but white paper'],
      causes: [
        ['an empty toner', 'change the toner', 'site'],
        ['a wrong driver', 'update the driver', 'remote'],
        ['a dry ink head', 'clean the ink head', 'site'],
      ],
    },
    {
      stated: 'does not answer',
      said: ['is offline', 'does not take any job'],
      causes: [
        ['a stuck job', 'clear the queue', 'remote'],
        ['a wrong address', 'correct the address', 'remote'],
        ['a burnt fuse', 'change the fuse', 'site'],
      ],
    },
    {
      stated: 'leaves grey stripes',
      said: ['makes ugly stripes', 'smears grey lines on the paper'],
      causes: [
        ['a scratched drum', 'fit a new drum', 'site'],
        ['a dirty mirror', 'polish the mirror', 'site'],
        ['a draft setting', 'reset the quality setting', 'remote'],
      ],
    },
    {
      stated: 'asks for a password',
      said: ['wants a password all of a sudden', 'is locked by a password'],
      causes: [
        ['a new security rule', 'relax the security rule', 'remote'],
        ['a factory reset', 'load the saved profile', 'remote'],
        ['a card reader failure', 'exchange the card reader', 'site'],
      ],
    },
  ],
  stopgaps: [
    'use the machine in the hall',
    'send urgent jobs to the copy shop',
    'print at home',
    'write the labels by hand',
  ],
  chatter: [
    ['A: What does the display say?', 'C: Only a code, {code} ##.'],
    ['A: Have you switched it off and on?', 'C: Of course.'],
    ['C: I need ## badges this week.'],
    ['C: It made a strange noise as well.', 'A: That can happen.'],
    ['A: Is it still under warranty?', 'C: I doubt it.'],
    ['C: We bought it from {brand}.'],
  ],
  delays: ['The spare part is not in stock.', 'I have to order it first.', 'The store opens late.'],
  relief: ['It is fine again.', 'The test page looks good.', 'Yes, here comes the paper.'],
  summary: {
    visit: '{caller} reported that {object} {place} {problem}. {actor} will {action} {when}.',
    done: '{caller} reported that {object} {place} {problem}. {agent} {acted} and it works again.',
    waiting:
      '{caller} reported that {object} {problem} and will {stopgap} until {agent} can {action} {when}.',
  },
};
