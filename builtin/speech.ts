import type { Outcome } from './domain.js';

/** Several turns that belong together, each `C: ` caller or `A: ` agent. */
export type Script = readonly string[];

/** How both sides talk. Whatever a script says and then corrects, the later word counts. */
export const speech = {
  /** States object and problem. */
  opening: [
    ['C: Hi {agent}, {object} {said}.'],
    ['C: Hello {agent}, this is {caller}. {object} {said}.'],
    ['A: {desk}, {agent} speaking.', 'C: Hello, {object} {said}.'],
    ['A: {desk}, good morning.', 'C: I need some help, {object} {said}.'],
    ['C: Do you have a minute?', 'A: Sure.', 'C: {object} {said}.'],
    ['A: {desk}, what can I do for you?', 'C: It is about {object}.', 'A: What is wrong?', 'C: It {said}.'],
    ['C: Hi, {object2} {said}. No, wait, I mean {object}.'],
    ['A: {desk}. Is it about {object2} again?', 'C: No, now {object} {said}.'],
    ['A: Hello {caller}, how is {object2}?', 'C: Fine, but {object} {said}.'],
  ],
  /** States object, place and problem. */
  openingAt: [
    ['C: Hi {agent}, {object} {place} {said}.'],
    ['A: {desk}, {agent} here.', 'C: Hello, {object} {place} {said}.'],
    ['A: {desk}, good afternoon.', 'C: {object} {place2}, no, {place}, {said}.'],
    ['C: {object} {place} {said}. {object2} {place} is fine.'],
    ['C: Hello, are you in charge of {object} {place}?', 'A: Yes, I am.', 'C: It {said}.'],
  ],
  /** States the place. */
  place: [
    ['A: Which one is it?', 'C: The one {place}.'],
    ['A: Which one exactly?', 'C: I mean the one {place}.'],
    ['A: Is that the one {place2}?', 'C: No, the one {place}.'],
    ['A: Which one?', 'C: The one {place2}. No, sorry, {place}.'],
    ['C: It is the one {place}. The one {place2} is fine.'],
    ['A: So the one {place2}?', 'C: No, that is fine. The one {place}.'],
  ],
  chatter: [
    ['A: Since when?', 'C: Since {weekday2}.'],
    ['A: Did you tell {actor2}?', 'C: Not yet.'],
    ['C: I tried to call on {weekday2}, but nobody answered.', 'A: Sorry about that.'],
    ['C: {actor2} gave me your number.'],
    ['C: Sorry for the noise here.', 'A: No problem.'],
    ['A: Thank you for calling so soon.'],
    ['A: One moment, please. Now I have time for you.'],
  ],
  /** States the cause. */
  cause: [
    ['A: That sounds like {cause}.'],
    ['A: It must be {cause}.'],
    ['C: I think the reason is {cause}.', 'A: I agree.'],
    ['A: Is it {cause2} again?', 'C: No, this time it is {cause}.'],
    ['C: Could it be {cause2}?', 'A: No, it is {cause}.'],
    ['A: Did you find anything?', 'C: Yes, {cause}.'],
    ['A: I guess it is {cause2}.', 'C: I checked that. It is {cause}.'],
  ],
  closing: [
    ['C: Thank you.'],
    ['C: Thanks, bye.', 'A: Bye.'],
    ['A: Anything else?', 'C: No, that is all.'],
    ['C: Thank you {agent}, bye.'],
    ['C: Perfect.', 'A: You are welcome.'],
  ],
} satisfies Record<string, readonly Script[]>;

/** What is agreed. A script that names the cause needs no other talk about it. */
export const plans: Readonly<
  Record<Exclude<Outcome, 'visit'> | 'ownVisit' | 'sentVisit', readonly Script[]>
> = {
  ownVisit: [
    ['A: I will {action} {when}.'],
    ['A: I can {action} {when}.', 'C: That suits me.'],
    ['A: I will {action}. When does it suit you?', 'C: {when}, please.', 'A: All right.'],
    ['A: I could {action} {when2}.', 'C: I am away then. Can you make it {when}?', 'A: Yes.'],
    ['A: I will {action} {when2}. No, sorry, {when}.'],
    ['A: I will {action} {day}.', 'C: At what time?', 'A: {hour}.'],
    ['C: Do you have time {when2}?', 'A: No, but I can {action} {when}.'],
  ],
  sentVisit: [
    ['A: {actor} will {action} {when}.'],
    ['A: I will ask {actor} to {action} {when}.'],
    ['A: {actor2} will {action} {when}. Oh, {actor2} is on leave, so {actor} will do it.'],
    ['C: Can {actor2} do something?', 'A: No, but {actor} will {action} {when}.'],
    ['A: {actor} could {action} {when2}.', 'C: {when} would be better.', 'A: Fine, I will tell {actor}.'],
    ['A: {actor} can {action} {day}.', 'C: At what time?', 'A: {hour}.'],
    ['A: Somebody has to {action}.', 'C: Who will that be?', 'A: {actor}, {when}.'],
  ],
  done: [
    ['A: One moment, I will {action}.', 'C: {relief}'],
    ['A: I have just {acted}.', 'C: {relief}'],
    ['C: Can you help from there?', 'A: Yes, I have {acted} now.', 'C: {relief}'],
    [
      'A: Maybe {cause2}. I {acted2}.',
      'C: No change.',
      'A: Then it is {cause}. I {acted} now.',
      'C: {relief}',
    ],
    ['A: Shall I {action} right now?', 'C: Yes, please.', 'A: Done.', 'C: {relief}'],
  ],
  waiting: [
    ['A: I can only {action} {when}. {delay}', 'C: And until then?', 'A: Please {stopgap}.'],
    ['A: I will {action} {when}. {delay}', 'C: Then I will {stopgap} until then.'],
    ['C: Can you {action} {when2}?', 'A: No, only {when}. {delay}', 'C: Then I will {stopgap}.'],
    ['A: Please {stopgap} for now.', 'C: For how long?', 'A: I will {action} {when}. {delay}'],
    ['A: {delay} Could you {stopgap}?', 'C: Yes. When will you {action}?', 'A: {when}.'],
  ],
};
