import type { Domain } from '../domain.js';

export const printers: Domain = {
  id: 'printers',
  desk: 'Printer desk',
  objects: ['the label printer', 'the colour printer', 'the copier', 'the plotter', 'the receipt printer'],
  places: ['in room ###', 'on floor #', 'at the front desk', 'in the mail room', 'at counter ##'],
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
      stated: 'prints blank pages',
      said: ['puts out empty sheets', 'prints nothing but white'],
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
  ],
  stopgaps: ['use the printer in the hall', 'send urgent jobs to the copy shop', 'print on the old machine'],
  chatter: [
    ['A: What does the display say?', 'C: Only a code, ##.'],
    ['A: Have you switched it off and on?', 'C: Of course.'],
    ['C: I have to print ## badges this week.'],
    ['C: It made a strange noise as well.', 'A: That can happen.'],
  ],
  delays: ['The spare part is not in stock.', 'I have to order it first.'],
  relief: ['It prints again.', 'The test page is fine.'],
  summary: {
    visit: '{caller} reported that {object} {place} {problem}. {actor} will {action} {when}.',
    done: '{caller} reported that {object} {place} {problem}. {agent} {acted} and it works again.',
    waiting:
      '{caller} reported that {object} {problem} and will {stopgap} until {agent} can {action} {when}.',
  },
};
