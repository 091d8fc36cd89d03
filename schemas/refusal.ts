/**
 * Bad input or a bad environment: its message says in one or two lines what was wrong, what was expected and
 * what to do. It is shown without a stack trace; every other error is our own mistake or an operating
 * failure.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}
