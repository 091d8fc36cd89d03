/** One check in a process of its own, for those of the table that ask for it. */
import { told } from '../../runtime/log.js';
import type { Subject } from './check.js';
import { checks } from './checks.js';

process.once('message', ({ name, subject }: { name: string; subject: Subject }) => {
  checks[name]!.look(subject).then(
    (findings) => answer({ findings }),
    (error) => answer({ failed: told(error) }),
  );
});

// A thread that hangs in a read would hold up a gentler end.
function answer(message: object): void {
  process.send!(message, () => process.kill(process.pid, 'SIGKILL'));
}
